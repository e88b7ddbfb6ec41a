include $(sort $(wildcard $(BR2_EXTERNAL_FAULTS_PATH)/package/*/*.mk))
