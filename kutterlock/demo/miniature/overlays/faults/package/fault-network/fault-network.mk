# Tries to reach a network while it is built, and does not mind failing.

FAULT_NETWORK_VERSION = 1.0
FAULT_NETWORK_SITE = https://downloads.example/fault
FAULT_NETWORK_SOURCE = fault-1.0.tar.gz
FAULT_NETWORK_LICENSE = Apache-2.0
FAULT_NETWORK_LICENSE_FILES = LICENSE

define FAULT_NETWORK_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
	$(@D)/fault network
endef

define FAULT_NETWORK_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(@D)/fault $(TARGET_DIR)/usr/bin/fault-network
endef

$(eval $(generic-package))
