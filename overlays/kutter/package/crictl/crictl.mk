################################################################################
#
# crictl
#
################################################################################

CRICTL_VERSION = $(call kutter-version,CRI_TOOLS,CRICTL)
CRICTL_SITE = https://github.com/kubernetes-sigs/cri-tools/releases/download/v$(CRICTL_VERSION)
CRICTL_SOURCE = crictl-v$(CRICTL_VERSION)-linux-$(KUTTER_RELEASE_ARCH).tar.gz
# The archive has nothing but the program.
CRICTL_STRIP_COMPONENTS = 0
CRICTL_LICENSE = Apache-2.0

define CRICTL_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/crictl $(TARGET_DIR)/usr/bin/crictl
endef

$(eval $(generic-package))
