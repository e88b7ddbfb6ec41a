# No .hash file at all: accepted by Buildroot, with a warning.

FAULT_NOHASH_VERSION = 1.0
FAULT_NOHASH_SITE = https://downloads.example/fault
FAULT_NOHASH_SOURCE = fault-1.0.tar.gz
FAULT_NOHASH_LICENSE = Apache-2.0
FAULT_NOHASH_LICENSE_FILES = LICENSE

define FAULT_NOHASH_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
endef

define FAULT_NOHASH_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-nohash
endef

$(eval $(generic-package))
