# Goals that make or ignore .config, and so must not read it.

unconfigured_goals := defconfig %_defconfig olddefconfig oldconfig syncconfig print-version distclean
