# Images of the root file system. `$(eval $(rootfs))` in fs/<type>/<type>.mk adds a type.

ROOTFS_COMMON_NAME = rootfs-common
ROOTFS_COMMON_TYPE = rootfs
ROOTFS_COMMON_DEPENDENCIES = $(PATCH_BUILDER)
ROOTFS_COMMON_CLOSURE = $(call recursive-dependencies,ROOTFS_COMMON)

recursive-dependencies = $(sort $(foreach dep,$($(1)_DEPENDENCIES),\
	$(dep) $($(call UPPERCASE,$(dep))_CLOSURE)))

.PHONY: rootfs-common
rootfs-common: $(ROOTFS_COMMON_DEPENDENCIES) target-finalize
	@$(call MESSAGE,"Generating root filesystems common tables")

rootfs = $(call new-rootfs,$(pkgname),$(call UPPERCASE,$(pkgname)))

define new-rootfs
ROOTFS_$(2)_NAME = rootfs-$(1)
ROOTFS_$(2)_TYPE = rootfs
ROOTFS_$(2)_IMAGE_NAME = rootfs.$(1)
ROOTFS_$(2)_DEPENDENCIES += rootfs-common
ROOTFS_$(2)_CLOSURE = $$(call recursive-dependencies,ROOTFS_$(2))

.PHONY: rootfs-$(1)
rootfs-$(1): $$(ROOTFS_$(2)_DEPENDENCIES)
	@$$(call MESSAGE,"Generating filesystem image rootfs.$(1)")
	$$(Q)mkdir -p $$(BINARIES_DIR)
	$$(Q)$$(PYTHON) -m support.rootfs $(1) $$(TARGET_DIR) $$(BINARIES_DIR)/rootfs.$(1)

ifeq ($$(BR2_TARGET_ROOTFS_$(2)),y)
TARGETS_ROOTFS += rootfs-$(1)
PACKAGES += $$(filter-out rootfs-%,$$(ROOTFS_$(2)_CLOSURE))
endif
endef

include $(sort $(wildcard fs/*/*.mk))
