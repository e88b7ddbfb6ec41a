"""A small evaluator of the Kconfig language.

It covers what Config.in files of this tree and of external trees need: bool, int and string
options, choices, menus, comments, ``if`` blocks, ``depends on``, ``select`` and conditional
defaults. Tristate, hex, ``range``, ``imply`` and ``visible if`` are left out.
"""
