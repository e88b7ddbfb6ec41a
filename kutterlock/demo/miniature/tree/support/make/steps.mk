# The life of a package: each step leaves a stamp file in the package's build directory.
# PKG, the prefix of the package's variables, is set per build directory by pkg-targets.

$(BUILD_DIR)/%/.stamp_downloaded:
	$(Q)for file in $(notdir $($(PKG)_DOWNLOADS)); do \
		test -e $($(PKG)_DL_DIR)/$$file || { $(call MESSAGE,"Downloading"); break; }; \
	done
	$(foreach download,$($(PKG)_DOWNLOADS),$(call DOWNLOAD,$(download))$(sep))
	$(call done)

$(BUILD_DIR)/%/.stamp_extracted:
	$(call begin,Extracting)
	$($(PKG)_EXTRACT_CMDS)
	$(Q)chmod -R +rw $(@D)
	$(call done)

# With <PKG>_OVERRIDE_SRCDIR there is nothing to download, extract or patch.
$(BUILD_DIR)/%/.stamp_rsynced:
	$(call begin,Syncing from source dir $($(PKG)_OVERRIDE_SRCDIR))
	$(Q)test -d $($(PKG)_OVERRIDE_SRCDIR) || { echo "ERROR: $($(PKG)_OVERRIDE_SRCDIR) does not exist"; exit 1; }
	$(Q)$(PYTHON) -m support.copytree $($(PKG)_OVERRIDE_SRCDIR) $(@D)
	$(call done)

$(BUILD_DIR)/%/.stamp_patched:
	$(call begin,Patching)
	$(Q): >$(@D)/.applied_patches_list
	$(foreach file,$(addprefix $($(PKG)_DL_DIR)/,$(notdir $($(PKG)_PATCH))) $($(PKG)_PATCH_FILES),\
		$(call apply,$(file))$(sep))
	$(call done)

$(BUILD_DIR)/%/.stamp_configured:
	$(call begin,Configuring)
	$(Q)mkdir -p $(HOST_DIR) $(TARGET_DIR) $(STAGING_DIR) $(BINARIES_DIR)
	$($(PKG)_CONFIGURE_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_built:
	$(call begin,Building)
	+$($(PKG)_BUILD_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_host_installed:
	$(call begin,Installing to host directory)
	+$($(PKG)_INSTALL_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_staging_installed:
	$(call begin,Installing to staging directory)
	+$($(PKG)_INSTALL_STAGING_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_target_installed:
	$(call begin,Installing to target)
	+$($(PKG)_INSTALL_TARGET_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_images_installed:
	$(call begin,Installing to images directory)
	+$($(PKG)_INSTALL_IMAGES_CMDS)
	$(call done)

$(BUILD_DIR)/%/.stamp_installed:
	$(call done)

$(BUILD_DIR)/%/.stamp_dircleaned:
	rm -rf $(@D)

define begin
	@$(call MESSAGE,"$(1)")
	$(Q)mkdir -p $(@D)
endef

define done
	$(Q)mkdir -p $(@D)
	$(Q)touch $@
endef

define apply
	$(Q)echo "Applying $(notdir $(1)) using patch:"
	$(Q)echo "$(abspath $(1))" >>$(@D)/.applied_patches_list
	$(Q)cd $(@D) && $(PATCH) <$(abspath $(1))
endef

# pkg-targets(name, NAME, target or host): which step waits for which.
define pkg-targets
$$($(2)_DIR)/.stamp_%: PKG = $(2)

$(1): $(1)-install
$(1)-install: $$($(2)_DIR)/.stamp_installed
$(1)-install-%: $$($(2)_DIR)/.stamp_%_installed ;
$(1)-build: $$($(2)_DIR)/.stamp_built
$(1)-configure: $$($(2)_DIR)/.stamp_configured
$(1)-patch: $$($(2)_DIR)/.stamp_$$(if $$($(2)_OVERRIDE_SRCDIR),rsynced,patched)
$(1)-extract: $$($(2)_DIR)/.stamp_$$(if $$($(2)_OVERRIDE_SRCDIR),rsynced,extracted)
$(1)-source: $$(if $$($(2)_OVERRIDE_SRCDIR),,$$($(2)_DIR)/.stamp_downloaded)
$(1)-depends: $$($(2)_NEEDS)
$(1)-all-source: $(1)-source $$(addsuffix -all-source,$$($(2)_NEEDS))

$(2)_INSTALL_STEPS = $$(if $$(filter host,$(3)),host,$$(strip \
	$$(if $$(filter YES,$$($(2)_INSTALL_STAGING)),staging) \
	$$(if $$(filter YES,$$($(2)_INSTALL_TARGET)),target) \
	$$(if $$(filter YES,$$($(2)_INSTALL_IMAGES)),images)))
$$($(2)_DIR)/.stamp_installed: $$($(2)_DIR)/.stamp_built \
	$$(foreach step,$$($(2)_INSTALL_STEPS),$$($(2)_DIR)/.stamp_$$(step)_installed)
$$(foreach step,host staging target images,$$($(2)_DIR)/.stamp_$$(step)_installed): $$($(2)_DIR)/.stamp_built
$$($(2)_DIR)/.stamp_built: $$($(2)_DIR)/.stamp_configured

# Dependencies are phony and so always new: only their order matters.
$$($(2)_DIR)/.stamp_configured: | $$($(2)_BUILD_NEEDS)
ifeq ($$($(2)_OVERRIDE_SRCDIR),)
$$($(2)_DIR)/.stamp_configured: $$($(2)_DIR)/.stamp_patched
$$($(2)_DIR)/.stamp_patched: $$($(2)_DIR)/.stamp_extracted
$$($(2)_DIR)/.stamp_extracted: $$($(2)_DIR)/.stamp_downloaded | $$($(2)_UNPACK_NEEDS)
$$($(2)_DIR)/.stamp_downloaded: | prepare dependencies
else
$$($(2)_DIR)/.stamp_configured: | $$($(2)_DIR)/.stamp_rsynced
$$($(2)_DIR)/.stamp_rsynced: | prepare dependencies
endif

$(1)-show-version:
	@echo $$($(2)_VERSION)
$(1)-show-depends:
	@echo $$($(2)_NEEDS)
$(1)-show-recursive-depends:
	@echo $$($(2)_CLOSURE)
$(1)-external-deps:
	@:$$(foreach file,$$(or $$(addprefix file://,$$($(2)_OVERRIDE_SRCDIR)),$$(notdir $$($(2)_DOWNLOADS))),$$(info $$(file)))
$(1)-show-info: SHOW_INFO_PACKAGES = $(1)
$(1)-show-info: show-info-inner
$(1)-legal-info: PKG = $(2)
$(1)-legal-info: $(1)-patch
	$$(call legal-entry,$(3))
$(1)-dirclean: $$($(2)_DIR)/.stamp_dircleaned
$(1)-rebuild: $(1)-forget-build
	@$$(MAKE1) --no-print-directory O=$$(OUTPUT) $(1)
$(1)-forget-build:
	rm -f $$(addprefix $$($(2)_DIR)/.stamp_,built installed host_installed staging_installed target_installed images_installed)

.PHONY: $$(addprefix $(1),$$(empty) -install -build -configure -patch -extract -source -depends \
	-all-source -show-version -show-depends -show-recursive-depends -external-deps -show-info \
	-legal-info -dirclean -rebuild -forget-build) $(1)
endef
