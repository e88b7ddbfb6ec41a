################################################################################
#
# stand-in-crictl
#
################################################################################

STAND_IN_CRICTL_VERSION = 1
STAND_IN_CRICTL_SOURCE =

define STAND_IN_CRICTL_BUILD_CMDS
	$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -Wall -Werror \
		-o $(@D)/crictl $(STAND_IN_CRICTL_PKGDIR)/crictl.c
endef

define STAND_IN_CRICTL_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/crictl $(TARGET_DIR)/usr/bin/crictl
endef

$(eval $(generic-package))
