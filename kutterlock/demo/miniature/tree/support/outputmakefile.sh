#!/bin/sh
# Usage: outputmakefile.sh TREE OUTPUT. Write a Makefile that hands every goal to the tree.
makefile=$2/Makefile
if [ -e "$makefile" ] && ! grep -q Automatically "$makefile"; then
	exit 0 # someone else's file
fi
echo "  GEN     $makefile"
cat >"$makefile" <<EOF
# Automatically generated: don't edit
MAKEFLAGS += --no-print-directory
.PHONY: again \$(MAKECMDGOALS)
\$(or \$(filter-out Makefile,\$(MAKECMDGOALS)),all): again
	@:
again:
	@umask 0022 && \$(MAKE) -C $1 O=$2 \$(filter-out Makefile,\$(MAKECMDGOALS))
Makefile: ;
EOF
