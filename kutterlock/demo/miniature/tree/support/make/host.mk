# The machine that builds.

ifeq ($(origin HOSTCC),undefined)
HOSTCC := $(or $(shell command -v gcc),$(shell command -v cc),gcc)
endif
HOSTCC_VERSION := $(firstword $(subst ., ,$(shell $(HOSTCC) -dumpversion 2>/dev/null)))
HOSTARCH := $(firstword $(subst -, ,$(shell $(HOSTCC) -dumpmachine 2>/dev/null)))
TAR := tar
INSTALL := install

export HOSTCC HOSTARCH TAR
