# Read before any package: host tools become links to what the build environment has, prebuilt
# programs come out of .deb files, and patches are left out where Debian's source is another version.

# The relocated gcc of Debian says --with-sysroot=/, for which Buildroot refuses it.
override check_unusable_toolchain = :

# $(1): the package's part of its make variables; $(2): programs in the environment.
define from-environment
STAND_IN_UNPATCHED += HOST_$(1)
override HOST_$(1)_SOURCE =
override HOST_$(1)_EXTRA_DOWNLOADS =
override HOST_$(1)_AUTORECONF = NO
override HOST_$(1)_CONFIGURE_CMDS = @:
override HOST_$(1)_BUILD_CMDS = @:
override HOST_$(1)_INSTALL_CMDS = mkdir -p $$(HOST_DIR)/bin $$(HOST_DIR)/sbin $$(HOST_DIR)/share \
	$(foreach program,$(2),&& ln -sf $(program) $$(HOST_DIR)/bin/$(notdir $(program)))
endef

$(eval $(call from-environment,ACL))
$(eval $(call from-environment,ATTR))
$(eval $(call from-environment,AUTOCONF,$(addprefix /usr/bin/,autoconf autoheader autom4te autoreconf autoscan autoupdate ifnames)))
$(eval $(call from-environment,AUTOCONF_ARCHIVE))
$(eval $(call from-environment,AUTOMAKE,/usr/bin/aclocal /usr/bin/automake))
$(eval $(call from-environment,BISON,/usr/bin/bison /usr/bin/yacc))
$(eval $(call from-environment,BZIP2))
$(eval $(call from-environment,CMAKE))
$(eval $(call from-environment,CPIO,/usr/bin/cpio))
$(eval $(call from-environment,DOSFSTOOLS))
$(eval $(call from-environment,DTC,/usr/bin/dtc))
$(eval $(call from-environment,E2FSPROGS))
$(eval $(call from-environment,ELFUTILS))
$(eval $(call from-environment,EXPAT))
$(eval $(call from-environment,FAKEROOT,/usr/bin/fakeroot-sysv))
$(eval $(call from-environment,FLEX,/usr/bin/flex))
$(eval $(call from-environment,GAWK,/usr/bin/gawk))
$(eval $(call from-environment,GENIMAGE,/usr/bin/genimage))
$(eval $(call from-environment,GETTEXT_TINY))
$(eval $(call from-environment,GMP))
$(eval $(call from-environment,GNUTLS))
$(eval $(call from-environment,GPERF,/usr/bin/gperf))
$(eval $(call from-environment,GRUB2,/usr/bin/grub-mkimage /usr/bin/grub-editenv))
$(eval $(call from-environment,KMOD,/usr/bin/kmod))
$(eval $(call from-environment,LIBCAP))
$(eval $(call from-environment,LIBCONFUSE))
$(eval $(call from-environment,LIBFFI))
$(eval $(call from-environment,LIBOPENSSL,/usr/bin/openssl /usr/bin/c_rehash))
$(eval $(call from-environment,LIBTASN1))
$(eval $(call from-environment,LIBTOOL,/usr/bin/libtoolize))
$(eval $(call from-environment,LIBUNISTRING))
$(eval $(call from-environment,LIBXCRYPT))
$(eval $(call from-environment,LIBZLIB))
$(eval $(call from-environment,LZ4))
$(eval $(call from-environment,LZIP))
$(eval $(call from-environment,LZO))
$(eval $(call from-environment,M4,/usr/bin/m4))
$(eval $(call from-environment,MESON,/usr/bin/meson))
$(eval $(call from-environment,MTOOLS))
$(eval $(call from-environment,NETTLE))
$(eval $(call from-environment,NINJA,/usr/bin/ninja))
$(eval $(call from-environment,PATCHELF))
$(eval $(call from-environment,PKGCONF,/usr/bin/pkgconf))
$(eval $(call from-environment,PYTHON3,/usr/bin/python3))
$(eval $(call from-environment,PYTHON_FLIT_CORE))
$(eval $(call from-environment,PYTHON_INSTALLER))
$(eval $(call from-environment,PYTHON_JINJA2))
$(eval $(call from-environment,PYTHON_MARKUPSAFE))
$(eval $(call from-environment,PYTHON_PACKAGING))
$(eval $(call from-environment,PYTHON_PYPA_BUILD))
$(eval $(call from-environment,PYTHON_PYPROJECT_HOOKS))
$(eval $(call from-environment,PYTHON_SETUPTOOLS))
$(eval $(call from-environment,PYTHON_WHEEL))
$(eval $(call from-environment,SQUASHFS,/usr/bin/mksquashfs /usr/bin/unsquashfs))
$(eval $(call from-environment,SYSTEMD,$(addprefix /usr/bin/,systemctl journalctl udevadm)))
$(eval $(call from-environment,TZDATA))
$(eval $(call from-environment,UTIL_LINUX))
$(eval $(call from-environment,XZ))
$(eval $(call from-environment,ZIC))
$(eval $(call from-environment,ZSTD))

# What is not just links in host/bin
override HOST_E2FSPROGS_INSTALL_CMDS = mkdir -p $(HOST_DIR)/sbin && ln -sf /usr/sbin/mke2fs $(HOST_DIR)/sbin/mke2fs
override HOST_FAKEROOT_INSTALL_CMDS = mkdir -p $(HOST_DIR)/bin && ln -sf /usr/bin/fakeroot-sysv $(HOST_DIR)/bin/fakeroot
override HOST_MESON_INSTALL_CMDS = install -D /usr/bin/meson $(HOST_DIR)/bin/meson
override HOST_PATCHELF_INSTALL_CMDS = mkdir -p $(HOST_DIR)/bin && ln -sf /kutter/overlays/stand-in/board/stand-in/patchelf $(HOST_DIR)/bin/patchelf
override HOST_SYSTEMD_FIX_RPATH =
override HOST_TZDATA_INSTALL_CMDS = mkdir -p $(HOST_DIR)/share && ln -sfn /usr/share/zoneinfo $(HOST_DIR)/share/zoneinfo
# The environment's time zones are laid out otherwise, and only one of them is wanted.
override TZDATA_SOURCE =
override TZDATA_INSTALL_TARGET_CMDS = install -D -m 0644 /usr/share/zoneinfo/Etc/UTC $(TARGET_DIR)/usr/share/zoneinfo/Etc/UTC \
	&& ln -sf ../usr/share/zoneinfo/Etc/UTC $(TARGET_DIR)/etc/localtime && echo Etc/UTC >$(TARGET_DIR)/etc/timezone

# Sources of another version than Buildroot's, which its patches are not for.
STAND_IN_UNPATCHED += ETHTOOL EXPAT IPROUTE2 JITTERENTROPY_LIBRARY KMOD LIBCAP LIBZLIB \
	LINUX OPENSSH RNG_TOOLS SYSTEMD UTIL_LINUX UTIL_LINUX_LIBS
override pkg-patches-dirs = $(if $(filter $(1),$(STAND_IN_UNPATCHED)),,$(foreach dir,$(call pkg-patch-hash-dirs,$(1)),$(wildcard $(if $($(1)_VERSION),$(or $(wildcard $(dir)/$($(1)_VERSION)),$(dir)),$(dir)))))

# Debian's archives of these are without what autotools make; that of util-linux has it, unpatched.
override EXPAT_AUTORECONF = YES
EXPAT_SUBDIR = expat
override KMOD_AUTORECONF = YES
define STAND_IN_KMOD_WITHOUT_DOCUMENTATION
	touch $(@D)/libkmod/docs/gtk-doc.make
endef
KMOD_POST_EXTRACT_HOOKS += STAND_IN_KMOD_WITHOUT_DOCUMENTATION
override LIBXCRYPT_AUTORECONF = YES
override UTIL_LINUX_AUTORECONF = NO
override UTIL_LINUX_LIBS_AUTORECONF = NO
# New in this version: it would take these from pkg-config, with the sysroot in front.
UTIL_LINUX_CONF_OPTS += --with-tmpfilesdir=/usr/lib/tmpfiles.d --with-sysusersdir=/usr/lib/sysusers.d
override UTIL_LINUX_LIBS_SOURCE = $(UTIL_LINUX_SOURCE)
override UTIL_LINUX_LIBS_SITE = $(UTIL_LINUX_SITE)

# sshd of this version has one program more.
define STAND_IN_SSHD_AUTH
	$(INSTALL) -D -m 0755 $(@D)/sshd-auth $(TARGET_DIR)/usr/libexec/sshd-auth
endef
OPENSSH_POST_INSTALL_TARGET_HOOKS += STAND_IN_SSHD_AUTH

# Prebuilt programs. $(1): package; $(2): the folder in the .deb; $(3): where the package expects it.
define from-deb
override $(1)_EXTRACT_CMDS = dpkg-deb -x $$($(1)_DL_DIR)/$$($(1)_SOURCE) $$(@D)/deb && mkdir -p $$(@D)/$(3) \
	&& cp $$(@D)/deb/$(2)/* $$(@D)/$(3)
endef
$(eval $(call from-deb,CNI_PLUGINS_BIN,usr/lib/cni,.))
$(eval $(call from-deb,CONTAINERD_BIN,usr/bin,bin))
$(eval $(call from-deb,RUNC_BIN,usr/sbin,.))
override KUBERNETES_EXTRA_DOWNLOADS =
override KUBERNETES_EXTRACT_CMDS = dpkg-deb -x $(KUBERNETES_DL_DIR)/$(KUBERNETES_SOURCE) $(@D)/deb \
	&& cp $(@D)/deb/usr/bin/kubectl /kutter/overlays/stand-in/board/stand-in/kubeadm /kutter/overlays/stand-in/board/stand-in/kubelet $(@D)
