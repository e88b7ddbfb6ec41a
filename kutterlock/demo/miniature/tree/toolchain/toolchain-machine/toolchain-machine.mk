# The machine's own compiler under the target's name, for any target: a miniature cannot bring a
# cross compiler along.

TOOLCHAIN_MACHINE_ADD_TOOLCHAIN_DEPENDENCY = NO
TOOLCHAIN_MACHINE_INSTALL_STAGING = YES
TOOLCHAIN_MACHINE_INSTALL_TARGET = NO
TOOLCHAIN_MACHINE_PROVIDES = toolchain

define TOOLCHAIN_MACHINE_INSTALL_STAGING_CMDS
	$(INSTALL) -d $(HOST_DIR)/bin $(STAGING_DIR)/usr/include $(STAGING_DIR)/usr/lib
	printf '#!/bin/sh\nexec %s "$$@"\n' '$(HOSTCC)' >$(TARGET_CC)
	chmod 755 $(TARGET_CC)
endef

$(eval $(generic-package))
