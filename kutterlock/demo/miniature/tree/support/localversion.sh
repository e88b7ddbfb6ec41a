#!/bin/sh
# Print what a git work tree adds to the version; nothing outside of one.
cd "${1:-.}" || exit
commit=$(git rev-parse --verify --short HEAD 2>/dev/null) || exit 0
tag=$(git describe 2>/dev/null)
printf '%s' "${tag:--g$commit}"
git diff-index --quiet HEAD 2>/dev/null || printf '%s' -dirty
