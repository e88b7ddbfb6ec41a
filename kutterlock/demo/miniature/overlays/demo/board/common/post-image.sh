#!/bin/sh
# Usage: post-image.sh IMAGES. Puts kernel and root file system side by side on one disk.
set -eu
cd "$1"
packdisk 4b555454 disk.img kernel.bin rootfs.cpio
