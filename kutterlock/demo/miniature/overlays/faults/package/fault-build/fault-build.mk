# Does not compile.

FAULT_BUILD_VERSION = 1.0
FAULT_BUILD_SITE = https://downloads.example/fault
FAULT_BUILD_SOURCE = fault-1.0.tar.gz
FAULT_BUILD_LICENSE = Apache-2.0
FAULT_BUILD_LICENSE_FILES = LICENSE

define FAULT_BUILD_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
	@echo 'fault.c: error: this package never builds' >&2
	exit 3
endef

define FAULT_BUILD_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-build
endef

$(eval $(generic-package))
