# External trees. The last BR2_EXTERNAL given is remembered in the output directory.

BR2_EXTERNAL_FILE := $(BASE_DIR)/.br2-external.mk
-include $(BR2_EXTERNAL_FILE)
external_output := $(shell $(PYTHON) -m support.external '$(BASE_DIR)' $(BR2_EXTERNAL) 2>&1)
BR2_EXTERNAL_ERROR =
include $(BR2_EXTERNAL_FILE)
ifneq ($(BR2_EXTERNAL_ERROR)$(external_output),)
$(error $(BR2_EXTERNAL_ERROR)$(external_output))
endif
$(BR2_EXTERNAL_FILE): ;
