# Host tools that are built only where the machine lacks them, so that the set of packages
# depends on the machine, unless BR2_FORCE_HOST_BUILD is set.

ifeq ($(BR2_FORCE_HOST_BUILD)$(shell command -v patch),$(shell command -v patch))
PATCH := $(shell command -v patch) -F0 -p1 -s
endif
ifeq ($(PATCH),)
PATCH_BUILDER = host-minipatch
PATCH = $(HOST_DIR)/bin/minipatch
endif

.PHONY: dependencies
dependencies:
	@command -v $(HOSTCC) >/dev/null || { echo "You must install a C compiler on your build machine"; exit 1; }
