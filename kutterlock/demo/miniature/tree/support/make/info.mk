# What can be asked about a configuration. make gathers, Python renders.

INFO_FILE = $(BUILD_DIR)/.show-info

show-info: SHOW_INFO_PACKAGES = $(sort $(foreach name,$(PACKAGES) $(TARGETS_ROOTFS),\
	$(name) $($(call UPPERCASE,$(name))_CLOSURE)))
show-info: show-info-inner

show-info-inner:
	@$(file >$(INFO_FILE),$(foreach name,$(SHOW_INFO_PACKAGES),$(call info-of,$(call UPPERCASE,$(name)))))\
	$(PYTHON) -m support.show_info <$(INFO_FILE)
	@rm -f $(INFO_FILE)

.PHONY: show-info show-info-inner

# fact(PACKAGE, key, value): one field; info-of(PACKAGE): one record.
fact = $(2)=$(3)$(US)
relative = $(patsubst $(CONFIG_DIR)/%,%,$(1))

info-of = $(call fact,$(1),entry,$($(1)_NAME))$(call fact,$(1),type,$($(1)_TYPE))$(if \
	$(filter rootfs,$($(1)_TYPE)),$(call rootfs-facts,$(1)),$(call package-facts,$(1))$(if \
	$($(1)_VIRTUAL),,$(call real-package-facts,$(1)))$(if \
	$(filter target,$($(1)_TYPE)),$(call install-facts,$(1))))$(RS)

rootfs-facts = $(call fact,$(1),image_name,$($(1)_IMAGE_NAME))$(call \
	fact,$(1),dependencies,$(sort $($(1)_DEPENDENCIES)))

package-facts = $(call fact,$(1),name,$($(1)_RAWNAME))$(call \
	fact,$(1),virtual,$($(1)_VIRTUAL))$(call \
	fact,$(1),package_dir,$($(1)_PKGDIR))$(call \
	fact,$(1),stamp_dir,$(call relative,$($(1)_DIR)))$(call \
	fact,$(1),source_dir,$(call relative,$($(1)_DIR)))$(call \
	fact,$(1),build_dir,$(call relative,$($(1)_BUILDDIR)))$(call \
	fact,$(1),dependencies,$($(1)_NEEDS))$(call \
	fact,$(1),reverse_dependencies,$(sort $($(1)_NEEDED_BY)))$(call \
	fact,$(1),cpe-id,$($(1)_CPE_ID))$(call \
	fact,$(1),ignore_cves,$(sort $($(1)_IGNORE_CVES)))

real-package-facts = $(call fact,$(1),version,$($(1)_DL_VERSION))$(call \
	fact,$(1),licenses,$($(1)_LICENSE))$(call \
	fact,$(1),license_files,$($(1)_LICENSE_FILES))$(call \
	fact,$(1),redistributable,$($(1)_REDISTRIBUTE))$(call \
	fact,$(1),dl_dir,$($(1)_DL_SUBDIR))$(foreach download,$(sort $($(1)_DOWNLOADS)),$(call \
	fact,$(1),download,$(notdir $(download)) $(call download-uris,$(download),$(1))))$(call \
	fact,$(1),hashes,$(wildcard $($(1)_HASH_FILES)))$(call \
	fact,$(1),patches,$(call relative,$($(1)_PATCH_FILES)) $($(1)_PATCH_URLS))$(call \
	fact,$(1),provides,$($(1)_PROVIDES))

install-facts = $(foreach place,target staging images,$(call \
	fact,$(1),install_$(place),$($(1)_INSTALL_$(call UPPERCASE,$(place)))))

show-targets:
	@echo $(sort $(PACKAGES)) $(sort $(TARGETS_ROOTFS))
external-deps: $(addsuffix -external-deps,$(PACKAGES))
.PHONY: show-targets external-deps
