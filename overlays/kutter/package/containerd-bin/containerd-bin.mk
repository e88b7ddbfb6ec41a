################################################################################
#
# containerd-bin
#
################################################################################

CONTAINERD_BIN_VERSION = $(call kutter-version,CONTAINERD,CONTAINERD_BIN)
CONTAINERD_BIN_SITE = https://github.com/containerd/containerd/releases/download/v$(CONTAINERD_BIN_VERSION)
CONTAINERD_BIN_SOURCE = containerd-$(CONTAINERD_BIN_VERSION)-linux-$(KUTTER_RELEASE_ARCH).tar.gz
# The archive has nothing but bin/.
CONTAINERD_BIN_STRIP_COMPONENTS = 0
CONTAINERD_BIN_LICENSE = Apache-2.0
CONTAINERD_BIN_CPE_ID_VENDOR = linuxfoundation
CONTAINERD_BIN_CPE_ID_PRODUCT = containerd

CONTAINERD_BIN_PROGRAMS = containerd containerd-shim-runc-v2 ctr

define CONTAINERD_BIN_INSTALL_TARGET_CMDS
	$(foreach program,$(CONTAINERD_BIN_PROGRAMS),
		$(INSTALL) -D -m 0755 $(@D)/bin/$(program) $(TARGET_DIR)/usr/bin/$(program)
	)
endef

$(eval $(generic-package))
