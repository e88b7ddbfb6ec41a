################################################################################
#
# runc-bin
#
################################################################################

RUNC_BIN_VERSION = $(call kutter-version,RUNC,RUNC_BIN)
RUNC_BIN_SITE = https://github.com/opencontainers/runc/releases/download/v$(RUNC_BIN_VERSION)
RUNC_BIN_SOURCE = runc.$(KUTTER_RELEASE_ARCH)
RUNC_BIN_LICENSE = Apache-2.0, LGPL-2.1 (libseccomp)
RUNC_BIN_CPE_ID_VENDOR = linuxfoundation
RUNC_BIN_CPE_ID_PRODUCT = runc

# A plain program: there is nothing to unpack.
define RUNC_BIN_EXTRACT_CMDS
	cp $(RUNC_BIN_DL_DIR)/$(RUNC_BIN_SOURCE) $(@D)/runc
endef

define RUNC_BIN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/runc $(TARGET_DIR)/usr/bin/runc
endef

$(eval $(generic-package))
