# Licences: a manifest for what runs on the target and one for host tools, with the licence texts.

legal-dir.target = $(LEGAL_INFO_DIR)/
legal-dir.host = $(LEGAL_INFO_DIR)/host-

LEGAL_COLUMNS := "PACKAGE","VERSION","LICENSE","LICENSE FILES","SOURCE ARCHIVE","SOURCE SITE","DEPENDENCIES WITH LICENSES"

legal-info: legal-info-prepare $(addsuffix -legal-info,$(PACKAGES))
	@cd $(LEGAL_INFO_DIR) && find . -type f ! -name legal-info.sha256 | sed 's,^\./,,' | \
		LC_ALL=C sort | xargs sha256sum >legal-info.sha256
	@echo "Legal info produced in $(LEGAL_INFO_DIR)"

legal-info-prepare:
	@echo ">>>   Collecting legal info"
	@rm -rf $(LEGAL_INFO_DIR) && mkdir -p $(LEGAL_INFO_DIR)
	@echo '$(LEGAL_COLUMNS)' | tee $(LEGAL_INFO_DIR)/manifest.csv >$(LEGAL_INFO_DIR)/host-manifest.csv
	@cp $(BR2_CONFIG) $(LEGAL_INFO_DIR)/buildroot.config

.PHONY: legal-info legal-info-prepare

# legal-entry(target or host); packages without a source are part of this tree.
define legal-entry
	@$(call MESSAGE,"Collecting legal info")
	$(if $($(PKG)_SOURCE),$(call legal-save,$(1),$(legal-dir.$(1))))
endef

define legal-save
	@echo '"$($(PKG)_RAWNAME)","$($(PKG)_DL_VERSION)","$($(PKG)_LICENSE)","$($(PKG)_LICENSE_FILES)","$($(PKG)_SOURCE)","$($(PKG)_SITE)","$(strip $(legal-deps))"' >>$(2)manifest.csv
	@$(foreach file,$($(PKG)_LICENSE_FILES),\
		$(INSTALL) -D -m 644 $($(PKG)_DIR)/$(file) $(2)licenses/$($(PKG)_SOURCE_FOLDER)/$(file);)
	@$(foreach file,$(if $(filter YES,$($(PKG)_REDISTRIBUTE)),$(legal-sources)),\
		$(INSTALL) -D -m 644 $($(PKG)_DL_DIR)/$(file) $(2)sources/$($(PKG)_SOURCE_FOLDER)/$(file);)
endef

# The tarball of an overridden package is not what was built.
legal-sources = $(if $($(PKG)_OVERRIDE_SRCDIR),,$(notdir $($(PKG)_DOWNLOADS)))

legal-deps = $(foreach dep,$($(PKG)_CLOSURE),$(if \
	$($(call UPPERCASE,$(dep))_SOURCE),$(dep) [$($(call UPPERCASE,$(dep))_LICENSE)]))
