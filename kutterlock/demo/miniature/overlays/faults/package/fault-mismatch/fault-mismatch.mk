# A .hash file with a wrong hash.

FAULT_MISMATCH_VERSION = 1.0
FAULT_MISMATCH_SITE = https://downloads.example/fault
FAULT_MISMATCH_SOURCE = fault-1.0.tar.gz
FAULT_MISMATCH_LICENSE = Apache-2.0
FAULT_MISMATCH_LICENSE_FILES = LICENSE

define FAULT_MISMATCH_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
endef

define FAULT_MISMATCH_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-mismatch
endef

$(eval $(generic-package))
