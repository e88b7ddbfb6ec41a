# Where files come from, and the call of the program that gets and checks them.

ifeq ($(origin DL_DIR),undefined)
DL_DIR := $(or $(call qstrip,$(BR2_DL_DIR)),$(TOPDIR)/dl)
else
BR2_DL_DIR = $(DL_DIR)
endif
DL_DIR := $(shell mkdir -p '$(DL_DIR)' && cd '$(DL_DIR)' >/dev/null && pwd -P)
export BR2_DL_DIR

# Files whose missing hash is no error.
BR_NO_CHECK_HASH_FOR =

scheme-of = $(firstword $(subst :, ,$(call qstrip,$(1))))
site-uris = $(foreach place,$(1)/$(2) $(1),$(call scheme-of,$(1))|urlencode+$(place))

# download-uris(download, PACKAGE): the directories to try, best first. Each is
# scheme[|urlencode]+URL, but a download that was given as a full URL stays bare.
primary_site = $(call qstrip,$(BR2_PRIMARY_SITE))
backup_site = $(call qstrip,$(BR2_BACKUP_SITE))
upstream-uri = $(patsubst %/,%,$(dir $(call qstrip,$(1))))
download-uris = \
	$(if $(primary_site),$(call site-uris,$(primary_site),$($(2)_DL_SUBDIR))) \
	$(if $(BR2_PRIMARY_SITE_ONLY),,$(upstream-uri) \
		$(if $(backup_site),$(call site-uris,$(backup_site),$($(2)_DL_SUBDIR))))

# DOWNLOAD(download): get one file of the package at hand.
define DOWNLOAD
	$(Q)mkdir -p $($(PKG)_DL_DIR)
	$(Q)$(EXTRA_ENV) \
	WGET="$(call qstrip,$(BR2_WGET))" \
	CURL="$(call qstrip,$(BR2_CURL))" \
	LOCALFILES="$(call qstrip,$(BR2_LOCALFILES))" \
	BR_NO_CHECK_HASH_FOR="$(if $(BR2_DOWNLOAD_FORCE_CHECK_HASHES),,$(BR_NO_CHECK_HASH_FOR))" \
	$(PYTHON) -m support.download \
		$(foreach file,$($(PKG)_HASH_FILES),--hash-file '$(file)') \
		$(foreach uri,$(call download-uris,$(1),$(PKG)),--uri '$(uri)') \
		'$($(PKG)_DL_DIR)/$(notdir $(1))'
endef
