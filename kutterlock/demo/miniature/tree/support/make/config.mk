# From defconfig to .config and back.

# Unexpanded, so that Config.in can tell a path that was given from its own default.
given_defconfig = $(call qstrip,$(value BR2_DEFCONFIG))
DEFCONFIG = $(or $(call qstrip,$(BR2_DEFCONFIG)),$(CONFIG_DIR)/defconfig)

# run-conf(mode, BR2_DEFCONFIG)
run-conf = BR2_DEFCONFIG='$(2)' BR2_CONFIG='$(BR2_CONFIG)' BASE_DIR='$(BASE_DIR)' \
	HOST_GCC_VERSION='$(HOSTCC_VERSION)' $(PYTHON) -m support.kconfig $(1) Config.in

# A later external tree hides an earlier one's file, and any hides ours.
find-defconfig = $(lastword $(wildcard $(addsuffix /configs/$(1),$(TOPDIR) $(BR2_EXTERNAL_DIRS))))
load-defconfig = $(call run-conf,--defconfig='$(1)',$(1))

%_defconfig: outputmakefile
	@$(call load-defconfig,$(or $(call find-defconfig,$@),$(error "Can't find $@")))

defconfig: outputmakefile
	@$(call run-conf,--defconfig='$(DEFCONFIG)',$(given_defconfig))

olddefconfig oldconfig syncconfig: outputmakefile
	@$(call run-conf,--olddefconfig,$(given_defconfig))

savedefconfig update-defconfig: outputmakefile
	@$(call run-conf,--savedefconfig='$(DEFCONFIG)',$(given_defconfig))
	@sed -i '/^BR2_DEFCONFIG=/d' '$(DEFCONFIG)'

# Lets `make` run inside the output directory.
outputmakefile:
ifneq ($(O),$(TOPDIR)/output)
	@sh support/outputmakefile.sh '$(TOPDIR)' '$(O)'
endif

.PHONY: savedefconfig update-defconfig outputmakefile
