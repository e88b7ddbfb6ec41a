LINUX_VERSION = $(call qstrip,$(BR2_LINUX_KERNEL_VERSION))
LINUX_SITE = $(or $(call qstrip,$(BR2_KERNEL_MIRROR)),https://kernel.example/pub)/linux/kernel/v$(firstword $(subst ., ,$(LINUX_VERSION))).x
LINUX_SOURCE = linux-$(LINUX_VERSION).tar.gz
LINUX_LICENSE = Apache-2.0
LINUX_LICENSE_FILES = LICENSE
LINUX_CPE_ID_PREFIX = cpe:2.3:o
LINUX_CPE_ID_VENDOR = linux
LINUX_CPE_ID_PRODUCT = linux_kernel
LINUX_INSTALL_IMAGES = YES
LINUX_INSTALL_TARGET = NO

# Nobody can know the hash of a version that the user picks.
ifeq ($(BR2_LINUX_KERNEL)$(BR2_LINUX_KERNEL_LATEST_VERSION),y)
BR_NO_CHECK_HASH_FOR += $(LINUX_SOURCE)
endif

ifeq ($(BR2_REPRODUCIBLE),y)
LINUX_MAKE_OPTS = KBUILD_BUILD_USER=buildroot KBUILD_BUILD_HOST=buildroot
endif

define LINUX_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) $(TARGET_CONFIGURE_OPTS) $(LINUX_MAKE_OPTS) ARCH=$(ARCH) \
		FRAGMENTS="$(call qstrip,$(BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES))" -C $(@D)
endef

define LINUX_INSTALL_IMAGES_CMDS
	$(INSTALL) -m 755 $(@D)/kernel.bin $(BINARIES_DIR)/kernel.bin
endef

$(eval $(generic-package))
