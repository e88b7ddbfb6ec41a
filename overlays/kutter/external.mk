# The version that kutter.lock has for an input: kutterlock writes it as KUTTER_<INPUT>_VERSION.
# $(1): the input's part of that name; $(2): the package's part of BR2_PACKAGE_<NAME>.
define kutter-version
$(or $(KUTTER_$(1)_VERSION),$(if $(BR2_PACKAGE_$(2)),\
	$(error KUTTER_$(1)_VERSION is not set: kutterlock sets it from kutter.lock)))
endef

# How upstreams of this ecosystem spell an architecture.
KUTTER_RELEASE_ARCH = $(if $(BR2_aarch64),arm64,amd64)

include $(sort $(wildcard $(BR2_EXTERNAL_KUTTER_PATH)/package/*/*.mk))
