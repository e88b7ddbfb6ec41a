#!/bin/sh
# post-build.sh TARGET BOARD: after that of the overlay kutter, whose root this changes.
set -eu
target=$1
rendered=${KUTTER_RENDERED:-/kutter/rendered}

# containerd serves Docker only, and runs no pods: what it was told of them is cri-dockerd's now.
rm -rf "$target/etc/containerd/conf.d"
install -D -m 0644 "$rendered/cri-dockerd.env" "$target/usr/share/kutter/cri-dockerd.env"
