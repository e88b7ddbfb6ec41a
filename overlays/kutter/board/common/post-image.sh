#!/bin/sh
# post-image.sh IMAGES BOARD: the boot partition, the data partition, and the disk around them.
set -eu
images=$1
board=$2
here=$(dirname "$0")
part=$images/boot-part

rm -rf "$part"
mkdir -p "$part/grub" "$part/kutter/a" "$part/EFI/BOOT"
cp "$here/grub/grub.cfg" "$part/grub/grub.cfg"
cp "$here/../$board/grub.cfg" "$part/grub/board.cfg"
cp "$here/README-volume.txt" "$images/README.txt"
"${GRUB_EDITENV:-$HOST_DIR/bin/grub-editenv}" "$part/grub/grubenv" create
"${GRUB_EDITENV:-$HOST_DIR/bin/grub-editenv}" "$part/grub/grubenv" set slot=a
for kernel in bzImage Image; do
    [ ! -f "$images/$kernel" ] || cp "$images/$kernel" "$part/kutter/a/linux"
done
cp "$images"/efi-part/EFI/BOOT/boot*.efi "$part/EFI/BOOT/"
cp "$here/grub/first.cfg" "$part/EFI/BOOT/grub.cfg"

# The Raspberry Pi's firmware looks for these at the top.
if [ -d "$images/rpi-firmware" ]; then
    cp -R "$images"/rpi-firmware/. "$part/"
    cp "$images"/u-boot.bin "$images"/*.dtb "$part/"
fi

# For a BIOS: boot.img in the first sector loads the first sector of grub.img, and that one the rest
# of it. Where they are is what grub-bios-setup would write: in boot.img at 0x5c, in grub.img at the
# end of its first sector; 64 bits, in sectors. It is the partition below, at 1 MiB.
number() {
    printf '%b' "\\0$(printf %o $(($1 % 256)))\\0$(printf %o $(($1 / 256)))\\0\\0\\0\\0\\0\\0"
}
loader='' type=b921b045-1df0-41c3-af44-4c6f280d3fae
if [ -f "$images/boot.img" ]; then
    mkdir -p "$part/boot/grub"
    cp "$here/grub/first.cfg" "$part/boot/grub/grub.cfg"
    head -c 440 "$images/boot.img" >"$images/mbr.img"
    cp "$images/grub.img" "$images/core.img"
    number 2048 | dd of="$images/mbr.img" bs=1 seek=92 conv=notrunc 2>/dev/null
    number 2049 | dd of="$images/core.img" bs=1 seek=500 conv=notrunc 2>/dev/null
    loader=$here/../$board/loader.cfg
    type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709
fi

# The data partition starts with the container images that the lock has for this board, where it has
# any. All of it is root's; mke2fs takes its times from SOURCE_DATE_EPOCH.
data=$images/data-part
archive=${KUTTER_IMAGES:-/kutter/images.tar}
uuid=6b757474-6572-4f53-8000-0000000000da
seed=6b757474-6572-4f53-8000-0000000000d5
rm -rf "$data" "$images/data.ext4"
mkdir -p "$data/images"
mebibytes=256
if [ -f "$archive" ]; then
    cp "$archive" "$data/images/images.tar"
    mebibytes=$((mebibytes + $(stat -c %s "$archive") / 1000000))
fi
find "$data" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
"${FAKEROOT:-$HOST_DIR/bin/fakeroot}" -- "${MKE2FS:-$HOST_DIR/sbin/mke2fs}" -q \
    -t ext4 -L kutter-data -m 1 -U "$uuid" -E "hash_seed=$seed,lazy_itable_init=0,lazy_journal_init=0" \
    -d "$data" "$images/data.ext4" "${mebibytes}M"

find "$part" "$images/README.txt" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# Where the board wants its images in a partition of their own, kutterlock hands over a volume.
volume=${KUTTER_VOLUME:-/kutter/images.iso}
partition=''
if [ -f "$volume" ]; then
    cp "$volume" "$images/images-part.iso"
    partition=$here/images.cfg
fi

# Put file $2 in the place of @$1@, or nothing.
insert() { if [ -n "$2" ]; then sed -e "/@$1@/{r $2" -e 'd}'; else sed "/@$1@/d"; fi; }

files=$(cd "$part" && for name in *; do printf 'file %s { image = "boot-part/%s" } ' "$name" "$name"; done)
sed -e "s|@BOOT_FILES@|$files|" -e "s|@ROOT_TYPE@|$type|" "$here/genimage.cfg.in" |
    insert LOADER "$loader" | insert IMAGES "$partition" >"$images/genimage.cfg"
"${GENIMAGE:-support/scripts/genimage.sh}" -c "$images/genimage.cfg"
