################################################################################
#
# cni-plugins-bin
#
################################################################################

CNI_PLUGINS_BIN_VERSION = $(call kutter-version,CNI_PLUGINS,CNI_PLUGINS_BIN)
CNI_PLUGINS_BIN_SITE = https://github.com/containernetworking/plugins/releases/download/v$(CNI_PLUGINS_BIN_VERSION)
CNI_PLUGINS_BIN_SOURCE = cni-plugins-linux-$(KUTTER_RELEASE_ARCH)-v$(CNI_PLUGINS_BIN_VERSION).tgz
# The archive has no folder of its own.
CNI_PLUGINS_BIN_STRIP_COMPONENTS = 0
CNI_PLUGINS_BIN_LICENSE = Apache-2.0
CNI_PLUGINS_BIN_LICENSE_FILES = LICENSE

# What containerd and flannel ask for, and what pods most often do; the archive has more.
CNI_PLUGINS_BIN_PROGRAMS = \
	bandwidth bridge firewall host-device host-local ipvlan loopback macvlan portmap ptp \
	static tuning vlan

define CNI_PLUGINS_BIN_INSTALL_TARGET_CMDS
	$(foreach program,$(CNI_PLUGINS_BIN_PROGRAMS),
		$(INSTALL) -D -m 0755 $(@D)/$(program) $(TARGET_DIR)/usr/libexec/cni/$(program)
	)
endef

$(eval $(generic-package))
