PACKDISK_VERSION = 0.3
PACKDISK_SITE = https://downloads.example/packdisk
PACKDISK_LICENSE = Apache-2.0
PACKDISK_LICENSE_FILES = LICENSE

define HOST_PACKDISK_BUILD_CMDS
	$(HOST_MAKE_ENV) $(MAKE) $(HOST_CONFIGURE_OPTS) -C $(@D)
endef

define HOST_PACKDISK_INSTALL_CMDS
	$(HOST_MAKE_ENV) $(MAKE) DESTDIR=$(HOST_DIR) -C $(@D) install
endef

$(eval $(host-generic-package))
