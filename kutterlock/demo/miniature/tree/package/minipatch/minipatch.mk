MINIPATCH_VERSION = 1.0
MINIPATCH_SITE = https://downloads.example/minipatch
MINIPATCH_LICENSE = Apache-2.0
MINIPATCH_LICENSE_FILES = LICENSE

define HOST_MINIPATCH_BUILD_CMDS
	$(HOST_MAKE_ENV) $(MAKE) $(HOST_CONFIGURE_OPTS) -C $(@D)
endef

define HOST_MINIPATCH_INSTALL_CMDS
	$(HOST_MAKE_ENV) $(MAKE) DESTDIR=$(HOST_DIR) -C $(@D) install
endef

$(eval $(host-generic-package))
