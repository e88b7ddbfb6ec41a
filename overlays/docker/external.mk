# kutter-version and KUTTER_RELEASE_ARCH are those of the overlay kutter.
include $(sort $(wildcard $(BR2_EXTERNAL_KUTTER_DOCKER_PATH)/package/*/*.mk))
