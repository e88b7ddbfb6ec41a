################################################################################
#
# flannel-manifest
#
################################################################################

FLANNEL_MANIFEST_VERSION = $(call kutter-version,FLANNEL,FLANNEL_MANIFEST)
FLANNEL_MANIFEST_SITE = https://raw.githubusercontent.com/flannel-io/flannel/v$(FLANNEL_MANIFEST_VERSION)/Documentation
FLANNEL_MANIFEST_SOURCE = kube-flannel.yml
FLANNEL_MANIFEST_LICENSE = Apache-2.0

# A plain text: there is nothing to unpack.
define FLANNEL_MANIFEST_EXTRACT_CMDS
	cp $(FLANNEL_MANIFEST_DL_DIR)/$(FLANNEL_MANIFEST_SOURCE) $(@D)/flannel.yml
endef

define FLANNEL_MANIFEST_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0644 $(@D)/flannel.yml $(TARGET_DIR)/usr/share/kutter/flannel.yml
endef

$(eval $(generic-package))
