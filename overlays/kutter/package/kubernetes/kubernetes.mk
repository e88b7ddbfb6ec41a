################################################################################
#
# kubernetes
#
################################################################################

KUBERNETES_VERSION = $(call kutter-version,KUBERNETES,KUBERNETES)
KUBERNETES_SITE = https://dl.k8s.io/release/v$(KUBERNETES_VERSION)/bin/linux/$(KUTTER_RELEASE_ARCH)
KUBERNETES_SOURCE = kubeadm
KUBERNETES_EXTRA_DOWNLOADS = \
	$(KUBERNETES_SITE)/kubelet \
	$(KUBERNETES_SITE)/kubectl
KUBERNETES_LICENSE = Apache-2.0
KUBERNETES_CPE_ID_VENDOR = kubernetes

KUBERNETES_PROGRAMS = kubeadm kubectl kubelet

# Three plain programs: there is nothing to unpack.
define KUBERNETES_EXTRACT_CMDS
	$(foreach program,$(KUBERNETES_PROGRAMS),
		cp $(KUBERNETES_DL_DIR)/$(program) $(@D)/$(program)
	)
endef

define KUBERNETES_INSTALL_TARGET_CMDS
	$(foreach program,$(KUBERNETES_PROGRAMS),
		$(INSTALL) -D -m 0755 $(@D)/$(program) $(TARGET_DIR)/usr/bin/$(program)
	)
endef

define KUBERNETES_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(KUBERNETES_PKGDIR)/kubelet.service \
		$(TARGET_DIR)/usr/lib/systemd/system/kubelet.service
	$(INSTALL) -D -m 0644 $(KUBERNETES_PKGDIR)/10-kubeadm.conf \
		$(TARGET_DIR)/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf
endef

$(eval $(generic-package))
