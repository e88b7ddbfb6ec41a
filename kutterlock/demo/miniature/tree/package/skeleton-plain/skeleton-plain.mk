SKELETON_PLAIN_ADD_SKELETON_DEPENDENCY = NO
SKELETON_PLAIN_ADD_TOOLCHAIN_DEPENDENCY = NO
SKELETON_PLAIN_PROVIDES = skeleton

define SKELETON_PLAIN_INSTALL_TARGET_CMDS
	$(INSTALL) -d $(addprefix $(TARGET_DIR)/,bin dev etc proc root sbin sys tmp usr/bin usr/lib usr/share var)
	chmod 1777 $(TARGET_DIR)/tmp
endef

$(eval $(generic-package))
