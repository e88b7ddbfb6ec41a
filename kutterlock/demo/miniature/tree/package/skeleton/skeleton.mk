SKELETON_ADD_SKELETON_DEPENDENCY = NO
SKELETON_ADD_TOOLCHAIN_DEPENDENCY = NO

# Every host package needs the directories that it installs to.
define HOST_SKELETON_INSTALL_CMDS
	$(INSTALL) -d $(HOST_DIR)/bin $(HOST_DIR)/lib $(HOST_DIR)/share
endef

$(eval $(virtual-package))
$(eval $(host-generic-package))
