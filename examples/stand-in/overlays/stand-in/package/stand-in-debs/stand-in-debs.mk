################################################################################
#
# stand-in-debs
#
################################################################################

STAND_IN_DEBS_VERSION = 13
STAND_IN_DEBS_SITE = https://snapshot.debian.org/archive/debian/20261122T000000Z/pool
STAND_IN_DEBS_SOURCE =
STAND_IN_DEBS_ARCH = $(if $(BR2_aarch64),arm64,amd64)
STAND_IN_DEBS_FILES = \
	main/c/conntrack-tools/conntrack_1.4.8-2$(if $(BR2_aarch64),+b1)_$(STAND_IN_DEBS_ARCH).deb \
	main/i/ipset/ipset_7.22-1+b1_$(STAND_IN_DEBS_ARCH).deb \
	main/i/iptables/iptables_1.8.11-2_$(STAND_IN_DEBS_ARCH).deb \
	main/libb/libbsd/libbsd0_0.12.2-2_$(STAND_IN_DEBS_ARCH).deb \
	main/libe/libedit/libedit2_3.1-20250104-1_$(STAND_IN_DEBS_ARCH).deb \
	main/g/gmp/libgmp10_6.3.0+dfsg-3_$(STAND_IN_DEBS_ARCH).deb \
	main/i/iptables/libip4tc2_1.8.11-2_$(STAND_IN_DEBS_ARCH).deb \
	main/i/iptables/libip6tc2_1.8.11-2_$(STAND_IN_DEBS_ARCH).deb \
	main/i/ipset/libipset13t64_7.22-1+b1_$(STAND_IN_DEBS_ARCH).deb \
	main/j/jansson/libjansson4_2.14-2+b3_$(STAND_IN_DEBS_ARCH).deb \
	main/libm/libmd/libmd0_1.1.0-2+b1_$(STAND_IN_DEBS_ARCH).deb \
	main/libm/libmnl/libmnl0_1.0.5-3_$(STAND_IN_DEBS_ARCH).deb \
	main/libn/libnetfilter-conntrack/libnetfilter-conntrack3_1.1.0-1_$(STAND_IN_DEBS_ARCH).deb \
	main/libn/libnfnetlink/libnfnetlink0_1.0.2-3_$(STAND_IN_DEBS_ARCH).deb \
	main/n/nftables/libnftables1_1.1.3-1_$(STAND_IN_DEBS_ARCH).deb \
	main/libn/libnftnl/libnftnl11_1.2.9-1_$(STAND_IN_DEBS_ARCH).deb \
	main/libs/libseccomp/libseccomp2_2.6.0-2_$(STAND_IN_DEBS_ARCH).deb \
	main/n/ncurses/libtinfo6_6.5+20250216-2_$(STAND_IN_DEBS_ARCH).deb \
	main/i/iptables/libxtables12_1.8.11-2_$(STAND_IN_DEBS_ARCH).deb \
	main/n/nftables/nftables_1.1.3-1_$(STAND_IN_DEBS_ARCH).deb
STAND_IN_DEBS_EXTRA_DOWNLOADS = $(addprefix $(STAND_IN_DEBS_SITE)/,$(STAND_IN_DEBS_FILES))

# Before what the packages of Buildroot install, which stays where both have a file.
define STAND_IN_DEBS_INSTALL_TARGET_CMDS
	$(foreach deb,$(notdir $(STAND_IN_DEBS_FILES)),
		dpkg-deb --fsys-tarfile $(STAND_IN_DEBS_DL_DIR)/$(deb) | \
			$(TAR) -x -C $(TARGET_DIR) --keep-directory-symlink \
			--exclude='./usr/share/*' --exclude='./etc/*' --exclude='./usr/lib/systemd'
	)
endef

$(eval $(generic-package))
