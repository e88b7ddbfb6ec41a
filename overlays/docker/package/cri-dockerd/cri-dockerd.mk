################################################################################
#
# cri-dockerd
#
################################################################################

CRI_DOCKERD_VERSION = $(call kutter-version,CRI_DOCKERD,CRI_DOCKERD)
CRI_DOCKERD_SITE = https://github.com/Mirantis/cri-dockerd/releases/download/v$(CRI_DOCKERD_VERSION)
CRI_DOCKERD_SOURCE = cri-dockerd-$(CRI_DOCKERD_VERSION).$(KUTTER_RELEASE_ARCH).tgz
CRI_DOCKERD_LICENSE = Apache-2.0

define CRI_DOCKERD_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/cri-dockerd $(TARGET_DIR)/usr/bin/cri-dockerd
endef

$(eval $(generic-package))
