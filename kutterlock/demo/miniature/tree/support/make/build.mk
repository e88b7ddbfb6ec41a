# Everything that needs a configuration: packages, images and what can be asked about them.

ARCH := $(call qstrip,$(BR2_ARCH))
HOST_DIR := $(call qstrip,$(BR2_HOST_DIR))
GNU_TARGET_NAME := $(ARCH)-miniature-linux-gnu
ZCAT := $(call qstrip,$(BR2_ZCAT))
PARALLEL_JOBS := $(if $(filter-out 0,$(BR2_JLEVEL)),$(BR2_JLEVEL),$(shell nproc))
MAKE1 := $(MAKE)
MAKE := $(MAKE1) $(if $(findstring j,$(firstword -$(MAKEFLAGS))),,-j$(PARALLEL_JOBS))
BR_PATH = $(HOST_DIR)/bin:$(HOST_DIR)/sbin:$(PATH)

export BR2_CONFIG BR2_REPRODUCIBLE
export TARGET_DIR STAGING_DIR HOST_DIR BINARIES_DIR BASE_DIR

EXTRA_ENV = PATH="$(BR_PATH)" BUILD_DIR=$(BUILD_DIR) CONFIG_DIR=$(CONFIG_DIR) O=$(OUTPUT) \
	PARALLEL_JOBS=$(PARALLEL_JOBS)

ifeq ($(BR2_REPRODUCIBLE),y)
export TZ = UTC
export LANG = C
export LC_ALL = C
# In a git work tree, even one that merely surrounds this tree, its last commit counts.
ifeq ($(SOURCE_DATE_EPOCH),)
SOURCE_DATE_EPOCH := $(or $(shell git log -1 --format=%at 2>/dev/null),$(BR2_VERSION_EPOCH))
endif
export SOURCE_DATE_EPOCH
endif

optimization-$(BR2_OPTIMIZE_0) = -O0
optimization-$(BR2_OPTIMIZE_2) = -O2
optimization-$(BR2_OPTIMIZE_S) = -Os

TARGET_CC = $(HOST_DIR)/bin/$(GNU_TARGET_NAME)-gcc
TARGET_CFLAGS = $(optimization-y) $(if $(BR2_REPRODUCIBLE),-ffile-prefix-map=$(BASE_DIR)=buildroot)
TARGET_LDFLAGS = -s
TARGET_MAKE_ENV = PATH="$(BR_PATH)"
TARGET_CONFIGURE_OPTS = CC="$(TARGET_CC)" CFLAGS="$(TARGET_CFLAGS) -I$(STAGING_DIR)/usr/include" \
	LDFLAGS="$(TARGET_LDFLAGS) -L$(STAGING_DIR)/usr/lib"
HOST_CONFIGURE_OPTS = CC="$(HOSTCC)" CFLAGS="-O2" LDFLAGS="-s"
HOST_MAKE_ENV = PATH="$(BR_PATH)"

PACKAGES :=
PACKAGES_ALL :=

include support/make/download.mk
include support/make/package.mk
include support/make/steps.mk

all: world

include support/dependencies.mk
include $(sort $(wildcard toolchain/*/*.mk))

# Before the packages: an `override FOO_VERSION = ...` in it beats theirs.
-include $(call qstrip,$(BR2_PACKAGE_OVERRIDE_FILE))

include $(sort $(wildcard package/*/*.mk))
include linux/linux.mk
include fs/common.mk

# .config has quoted the variables that this file sets; set them again.
include $(BR2_EXTERNAL_FILE)
include $(BR2_EXTERNAL_MKS)

# These speak of all packages, so they come last.
include support/make/info.mk
include support/make/legal.mk
include support/make/finalize.mk
