# A .hash file that does not list the download.

FAULT_UNLISTED_VERSION = 1.0
FAULT_UNLISTED_SITE = https://downloads.example/fault
FAULT_UNLISTED_SOURCE = fault-1.0.tar.gz
FAULT_UNLISTED_LICENSE = Apache-2.0
FAULT_UNLISTED_LICENSE_FILES = LICENSE

define FAULT_UNLISTED_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
endef

define FAULT_UNLISTED_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-unlisted
endef

$(eval $(generic-package))
