$(eval $(rootfs))
