# A .hash file with an algorithm that nobody knows.

FAULT_ALGORITHM_VERSION = 1.0
FAULT_ALGORITHM_SITE = https://downloads.example/fault
FAULT_ALGORITHM_SOURCE = fault-1.0.tar.gz
FAULT_ALGORITHM_LICENSE = Apache-2.0
FAULT_ALGORITHM_LICENSE_FILES = LICENSE

define FAULT_ALGORITHM_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
endef

define FAULT_ALGORITHM_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-algorithm
endef

$(eval $(generic-package))
