# KUTTER_KUBERNETES_VERSION comes from the lock, in kutter.mk; so does the .hash file.

KUBERNETES_VERSION = $(or $(KUTTER_KUBERNETES_VERSION),$(if $(BR2_PACKAGE_KUBERNETES),\
	$(error KUTTER_KUBERNETES_VERSION is not set; kutterlock sets it from kutter.lock)))
KUBERNETES_ARCH = $(if $(BR2_aarch64),arm64,amd64)
KUBERNETES_SITE = https://dl.k8s.example/v$(KUBERNETES_VERSION)
KUBERNETES_SOURCE = kubernetes-node-linux-$(KUBERNETES_ARCH).tar.gz
KUBERNETES_LICENSE = Apache-2.0
KUBERNETES_LICENSE_FILES = LICENSE
KUBERNETES_CPE_ID_VENDOR = kubernetes

define KUBERNETES_INSTALL_TARGET_CMDS
	$(INSTALL) -m 755 $(addprefix $(@D)/node/bin/,kubeadm kubectl kubelet) $(TARGET_DIR)/usr/bin
endef

$(eval $(generic-package))
