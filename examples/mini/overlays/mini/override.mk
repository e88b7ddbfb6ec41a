# Host tools that the build environment already has: each becomes a link, and downloads nothing.
# Read before any package. An empty SOURCE means no download; a PKGDIR elsewhere, no patches of the
# tree; AUTORECONF off, no autotools. Target packages of the same names stay as they are.

define from-environment
override HOST_$(1)_SOURCE =
override HOST_$(1)_PKGDIR = /kutter/none
override HOST_$(1)_AUTORECONF = NO
override HOST_$(1)_CONFIGURE_CMDS = @:
override HOST_$(1)_BUILD_CMDS = @:
override HOST_$(1)_INSTALL_CMDS = mkdir -p $$(HOST_DIR)/bin $(if $(2),&& ln -sf $(2) $$(HOST_DIR)/bin/$(3))
endef

# acl and attr are only wanted by fakeroot.
$(eval $(call from-environment,ACL))
$(eval $(call from-environment,ATTR))
$(eval $(call from-environment,FAKEROOT,/usr/bin/fakeroot-sysv,fakeroot))
$(eval $(call from-environment,CPIO,/usr/bin/cpio,cpio))
$(eval $(call from-environment,KMOD,/usr/bin/kmod,kmod))
$(eval $(call from-environment,PKGCONF,/usr/bin/pkgconf,pkgconf))
# Buildroot calls its own patchelf with an option that only its patch adds: board/mini/patchelf
# adds it to Debian's.
$(eval $(call from-environment,PATCHELF,/kutter/overlays/mini/board/mini/patchelf,patchelf))
