# The package infrastructure: `$(eval $(generic-package))` at the end of a .mk file turns the
# variables above it into a package. virtual-package does so for a name that others provide.

pkgdir = $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
pkgname = $(notdir $(pkgdir))

generic-package = $(call new-package,$(pkgname),$(call UPPERCASE,$(pkgname)),$(call UPPERCASE,$(pkgname)),target)
host-generic-package = $(call new-package,host-$(pkgname),HOST_$(call UPPERCASE,$(pkgname)),$(call UPPERCASE,$(pkgname)),host)
virtual-package = $(call new-virtual-package,$(pkgname),$(call UPPERCASE,$(pkgname)))

# What a host package takes over from the target package of the same name.
INHERITED := SITE SOURCE PATCH SITE_METHOD DL_SUBDIR LICENSE LICENSE_FILES \
	REDISTRIBUTE OVERRIDE_SRCDIR STRIP_COMPONENTS IGNORE_CVES \
	CPE_ID_PREFIX CPE_ID_VENDOR CPE_ID_PRODUCT CPE_ID_VERSION CPE_ID_UPDATE

# inherit(PACKAGE, variable, TARGET PACKAGE, default)
inherit = $(if $(filter undefined,$(origin $(1)_$(2))),\
	$(if $(filter undefined,$(origin $(3)_$(2))),\
		$(if $(4),$(eval $(1)_$(2) = $(4))),\
		$(eval $(1)_$(2) = $$($(3)_$(2)))))

# new-package(name, NAME, NAME without HOST_, target or host)
define new-package
ifneq ($(filter $(1),$(PACKAGES_ALL)),)
$$(error '$(1)' is a package of '$$($(2)_PKGDIR)' already, so it cannot be one of '$(pkgdir)')
endif
PACKAGES_ALL += $(1)

$(2)_NAME = $(1)
$(2)_RAWNAME = $(patsubst host-%,%,$(1))
$(2)_TYPE = $(4)
$(2)_PKGDIR := $(pkgdir)

ifdef $(2)_VERSION
$(2)_DL_VERSION := $$(strip $$($(2)_VERSION))
else
$(2)_DL_VERSION := $$(strip $$(or $$($(3)_DL_VERSION),$$($(3)_VERSION)))
endif
$(2)_VERSION := $$(call path-safe,$$($(2)_DL_VERSION))

$$(foreach v,$$(INHERITED),$$(call inherit,$(2),$$(v),$(3)))
$$(call inherit,$(2),DL_SUBDIR,,$$$$($(2)_RAWNAME))
$$(call inherit,$(2),LICENSE,,unknown)
$$(call inherit,$(2),REDISTRIBUTE,,YES)
$$(call inherit,$(2),STRIP_COMPONENTS,,1)
$$(call inherit,$(2),SITE_METHOD,,$$$$(call scheme-of,$$$$($(2)_SITE)))

ifneq ($$($(2)_OVERRIDE_SRCDIR),)
$(2)_VERSION = custom
endif

$(2)_FOLDER = $$(if $$($(2)_VERSION),$(1)-$$($(2)_VERSION),$(1))
$(2)_SOURCE_FOLDER = $$(if $$($(2)_VERSION),$$($(2)_RAWNAME)-$$($(2)_VERSION),$$($(2)_RAWNAME))
$(2)_DIR = $$(BUILD_DIR)/$$($(2)_FOLDER)
$(2)_BUILDDIR = $$($(2)_DIR)/
$(2)_DL_DIR = $$(DL_DIR)/$$($(2)_DL_SUBDIR)
$$(call inherit,$(2),SOURCE,,$$$$(if $$$$($(2)_VERSION),$$$$($(2)_SOURCE_FOLDER).tar.gz))
$$(call inherit,$(2),INSTALL_TARGET,,YES)
$$(call inherit,$(2),INSTALL_STAGING,,NO)
$$(call inherit,$(2),INSTALL_IMAGES,,NO)

$(call pkg-files,$(2))
$(call pkg-cpe,$(2))
$(call pkg-dependencies,$(1),$(2),$(4))
$(call pkg-targets,$(1),$(2),$(4))

ifeq ($(1),linux)
$(2)_OPTION = BR2_LINUX_KERNEL
else ifneq ($$(filter toolchain/%,$(pkgdir)),)
$(2)_OPTION = BR2_$(2)
else ifeq ($$($(2)_VIRTUAL),YES)
$(2)_OPTION = BR2_PACKAGE_HAS_$(2)
else
$(2)_OPTION = BR2_PACKAGE_$(2)
endif
ifeq ($$($$($(2)_OPTION)),y)
$(call enable-package,$(1),$(2))
endif
endef

define enable-package
PACKAGES += $(1)
$$(foreach dep,$$($(2)_NEEDS),$$(eval $$(call UPPERCASE,$$(dep))_NEEDED_BY += $(1)))
ifneq ($$(patsubst %/,ERROR,$$($(2)_SITE)),$$($(2)_SITE))
$$(error $(2)_SITE must not end in a slash)
endif
ifneq ($$(and $$($(2)_SOURCE),$$(if $$($(2)_SITE),,missing)),)
$$(error $(2)_SOURCE is set, but $(2)_SITE is not)
endif
endef

# The files that a package downloads, patches with and checks against.
define pkg-files
$(1)_FIRST_DOWNLOAD = $$(if $$($(1)_SOURCE),$$($(1)_SITE_METHOD)+$$($(1)_SITE)/$$($(1)_SOURCE))
$(1)_MORE_DOWNLOADS = $$(foreach p,$$($(1)_PATCH) $$($(1)_EXTRA_DOWNLOADS),\
	$$(if $$(findstring ://,$$(p)),$$(p),$$($(1)_SITE_METHOD)+$$($(1)_SITE)/$$(p)))
$(1)_DOWNLOADS = $$($(1)_FIRST_DOWNLOAD) $$($(1)_MORE_DOWNLOADS)
$(1)_EXTRACT_CMDS ?= $$(if $$($(1)_SOURCE),$$(call extract,$(1)))
$(1)_PLACES = $$($(1)_PKGDIR) $$(addsuffix /$$($(1)_RAWNAME),$$(call qstrip,$$(BR2_GLOBAL_PATCH_DIR)))
$(1)_HASH_FILES = $$(strip $$(foreach place,$$($(1)_PLACES),$$(or \
	$$(if $$($(1)_VERSION),$$(wildcard $$(place)/$$($(1)_VERSION)/$$($(1)_RAWNAME).hash)),\
	$$(place)/$$($(1)_RAWNAME).hash)))
$(1)_PATCH_DIRS = $$(foreach place,$$($(1)_PLACES),\
	$$(or $$(if $$($(1)_VERSION),$$(wildcard $$(place)/$$($(1)_VERSION))),$$(wildcard $$(place))))
$(1)_PATCH_FILES = $$(foreach dir,$$($(1)_PATCH_DIRS),$$(sort $$(wildcard $$(dir)/*.patch)))
$(1)_PATCH_URLS = $$(foreach p,$$($(1)_PATCH),\
	$$(if $$(findstring ://,$$(p)),$$(p),$$($(1)_SITE_METHOD)+$$($(1)_SITE)/$$(p)))
endef

inflate.tar = cat
inflate.gz = $(ZCAT)
inflate.tgz = $(ZCAT)
extract = $(inflate$(suffix $($(1)_SOURCE))) $($(1)_DL_DIR)/$($(1)_SOURCE) | \
	$(TAR) --strip-components=$($(1)_STRIP_COMPONENTS) -C $($(1)_DIR) \
		$(call qstrip,$(BR2_TAR_OPTIONS)) -xf -

# One CPE_ID_ variable is enough to vouch for the whole identifier.
define pkg-cpe
ifneq ($$($(1)_CPE_ID_PREFIX)$$($(1)_CPE_ID_VENDOR)$$($(1)_CPE_ID_PRODUCT)$$($(1)_CPE_ID_VERSION)$$($(1)_CPE_ID_UPDATE),)
$(1)_CPE_ID = $$(or $$($(1)_CPE_ID_PREFIX),cpe:2.3:a):$$(or $$($(1)_CPE_ID_VENDOR),$$($(1)_RAWNAME)_project):$$(or \
	$$($(1)_CPE_ID_PRODUCT),$$($(1)_RAWNAME)):$$(or $$($(1)_CPE_ID_VERSION),$$($(1)_VERSION)):$$(or \
	$$($(1)_CPE_ID_UPDATE),-):*:*:*:*:*:*
endif
endef

# Packages that the others stand on must not depend on them in turn.
define pkg-dependencies
ifeq ($(3),target)
$(2)_DEPENDENCIES += \
	$$(if $$(filter NO,$$($(2)_ADD_SKELETON_DEPENDENCY)),,skeleton) \
	$$(if $$(filter NO,$$($(2)_ADD_TOOLCHAIN_DEPENDENCY)),,toolchain)
endif
$(2)_DEPENDENCIES += $$(filter-out $(1),host-skeleton)
ifeq ($$(filter host-minipatch host-skeleton,$(1)),)
$(2)_EXTRACT_DEPENDENCIES += $$(PATCH_BUILDER)
endif
$(2)_BUILD_NEEDS = $$(sort $$($(2)_DEPENDENCIES))
$(2)_UNPACK_NEEDS = $$(sort $$($(2)_EXTRACT_DEPENDENCIES))
$(2)_NEEDS = $$(sort $$($(2)_BUILD_NEEDS) $$($(2)_UNPACK_NEEDS))
$(2)_CLOSURE = $$(sort $$(foreach dep,$$($(2)_NEEDS),\
	$$(dep) $$($$(call UPPERCASE,$$(dep))_CLOSURE)))
endef

define new-virtual-package
ifeq ($$(BR2_PACKAGE_HAS_$(2)):$$(call qstrip,$$(BR2_PACKAGE_PROVIDES_$(2))),y:)
$$(error nothing in .config provides the virtual package $(1))
endif
$(2)_VIRTUAL = YES
$(2)_VERSION =
$(2)_SOURCE =
$(2)_DEPENDENCIES += $$(call qstrip,$$(BR2_PACKAGE_PROVIDES_$(2)))
$(call new-package,$(1),$(2),$(2),target)
endef
