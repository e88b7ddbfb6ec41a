"""Helper programs of the miniature Buildroot; its Makefile runs them with ``python3 -m``."""
