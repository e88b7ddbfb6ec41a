# Goals that need no package.

print-version:
	@echo $(BR2_VERSION_FULL)

clean:
	rm -rf $(TARGET_DIR) $(BINARIES_DIR) $(HOST_DIR) $(BUILD_DIR) $(BASE_DIR)/staging $(LEGAL_INFO_DIR)

distclean: clean
	rm -rf $(BR2_CONFIG) $(BR2_CONFIG).old $(BASE_DIR)/.br2-external.*

# VARS is a make pattern.
list-variables = $(foreach v,$(sort $(filter $(VARS),$(.VARIABLES))),\
	$(if $(filter-out environment% default automatic,$(origin $(v))),$(v)))

printvars:
	$(if $(VARS),,$(error Please pass a non-empty VARS to 'make printvars'))
	@:$(foreach v,$(list-variables),$(info $(v)=$(if $(RAW_VARS),$(value $(v)),$($(v)))))

show-vars: VARS ?= %
show-vars:
	@$(file >$(BUILD_DIR)/.show-vars,$(foreach v,$(list-variables),$(v)$(US)$(value $(v))$(US)$($(v))$(RS)))\
	$(PYTHON) -m support.show_vars <$(BUILD_DIR)/.show-vars
	@rm -f $(BUILD_DIR)/.show-vars

# list-configs(directory, heading)
define list-configs
	@set -- $(sort $(wildcard $(1)/configs/*_defconfig)); test $$# -eq 0 || { \
		echo '$(subst ','\'',$(2))'; \
		for file; do name=$${file##*/}; \
			printf '  %-35s - Build for %s\n' "$$name" "$${name%_defconfig}"; done; echo; }
endef

list-defconfigs:
	$(call list-configs,$(TOPDIR),Built-in configs:)
	$(foreach name,$(BR2_EXTERNAL_NAMES),\
		$(call list-configs,$(BR2_EXTERNAL_$(name)_PATH),External configs in "$(call qstrip,$(BR2_EXTERNAL_$(name)_DESC))":)$(sep))

help:
	@cat support/help.txt

.PHONY: clean printvars show-vars list-defconfigs help
