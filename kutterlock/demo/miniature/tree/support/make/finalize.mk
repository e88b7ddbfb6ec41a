# From installed packages to images.

.PHONY: prepare world source target-finalize target-post-image

prepare:
	@$(foreach script,$(call qstrip,$(BR2_ROOTFS_PRE_BUILD_SCRIPT)),\
		$(call MESSAGE,"Executing pre-build script $(script)"); \
		$(EXTRA_ENV) $(script) $(TARGET_DIR) $(script_arguments) &&) :

world: target-post-image

source: $(addsuffix -all-source,$(PACKAGES))

script_arguments = $(call qstrip,$(BR2_ROOTFS_POST_SCRIPT_ARGS))

define run-script
	@$(call MESSAGE,"Executing $(1) script $(2)")
	$(Q)$(EXTRA_ENV) $(2) $(3) $(script_arguments)
endef

target-finalize: $(PACKAGES)
	@$(call MESSAGE,"Finalizing target directory")
	$(Q)mkdir -p $(TARGET_DIR)/etc $(TARGET_DIR)/usr/lib
	$(Q)ln -snf $(STAGING_DIR) $(BASE_DIR)/staging
	$(Q)printf '%s\n' 'NAME=Buildroot' 'VERSION=$(BR2_VERSION_FULL)' 'ID=buildroot' \
		'VERSION_ID=$(BR2_VERSION)' 'PRETTY_NAME="Buildroot $(BR2_VERSION)"' \
		$(build-identity) >$(TARGET_DIR)/usr/lib/os-release
	$(Q)ln -sf ../usr/lib/os-release $(TARGET_DIR)/etc/os-release
	$(Q)echo '$(call qstrip,$(BR2_TARGET_GENERIC_HOSTNAME))' >$(TARGET_DIR)/etc/hostname
	$(Q)echo '$(call qstrip,$(BR2_TARGET_GENERIC_ISSUE))' >$(TARGET_DIR)/etc/issue
	$(foreach dir,$(call qstrip,$(BR2_ROOTFS_OVERLAY)),$(call copy-overlay,$(dir))$(sep))
	$(foreach script,$(call qstrip,$(BR2_ROOTFS_POST_BUILD_SCRIPT)),\
		$(call run-script,post-build,$(script),$(TARGET_DIR))$(sep))

# Who cares about the same bytes twice says so; the others get to know what they run.
ifneq ($(BR2_REPRODUCIBLE),y)
build-identity = "BUILD_ID=\"$$(date +%s.%N) $$(uname -n)\""
endif

define copy-overlay
	@$(call MESSAGE,"Copying overlay $(1)")
	$(Q)$(PYTHON) -m support.copytree $(1) $(TARGET_DIR)
endef

target-post-image: $(TARGETS_ROOTFS) target-finalize
	$(Q)mkdir -p $(BINARIES_DIR)
	$(foreach script,$(call qstrip,$(BR2_ROOTFS_POST_IMAGE_SCRIPT)),\
		$(call run-script,post-image,$(script),$(BINARIES_DIR))$(sep))
