include $(sort $(wildcard $(BR2_EXTERNAL_STAND_IN_PATH)/package/*/*.mk))
