# Installs a file that is different every time.

FAULT_CLOCK_VERSION = 1.0
FAULT_CLOCK_SITE = https://downloads.example/fault
FAULT_CLOCK_SOURCE = fault-1.0.tar.gz
FAULT_CLOCK_LICENSE = Apache-2.0
FAULT_CLOCK_LICENSE_FILES = LICENSE

define FAULT_CLOCK_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -o $(@D)/fault $(@D)/fault.c
endef

define FAULT_CLOCK_INSTALL_TARGET_CMDS
	$(@D)/fault clock >$(TARGET_DIR)/etc/lucky
endef

$(eval $(generic-package))
