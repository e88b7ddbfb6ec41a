#!/bin/sh
# post-build.sh TARGET BOARD: what the packages installed becomes the root of a slot.
set -eu
target=$1
board=$2
rendered=${KUTTER_RENDERED:-/kutter/rendered}

# The kernel goes with the root: whoever has the one has the other. The loader gets a copy.
for kernel in bzImage Image; do
    [ ! -f "$BINARIES_DIR/$kernel" ] ||
        install -D -m 0644 "$BINARIES_DIR/$kernel" "$target/usr/lib/kutter/boot/linux"
done

# Of GRUB the node needs the one tool that says which slot boots.
[ ! -f "$target/usr/lib/grub/i386-pc/boot.img" ] ||
    cp "$target/usr/lib/grub/i386-pc/boot.img" "$BINARIES_DIR/boot.img"
rm -rf "$target/usr/lib/grub" "$target/share" "$target/boot/grub" "$target/etc/grub.d"
find "$target/usr/bin" "$target/usr/sbin" -name 'grub-*' ! -name grub-editenv -delete

# Rendered from kutter.lock, so that they name locked images and versions only.
install -D -m 0644 "$rendered/kubeadm.yaml" "$target/usr/share/kutter/kubeadm.yaml"
install -D -m 0644 "$rendered/flannel.yml" "$target/usr/share/kutter/flannel.yml"
install -D -m 0644 "$rendered/containerd.toml" "$target/etc/containerd/conf.d/50-rendered.toml"

# iptables speaks to nf_tables, as the kubelet and kube-proxy find out by themselves.
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$target/usr/sbin/$name"
done

# systemd would let sshd listen on sockets of its own, beside the sshd.service that waits for keys.
rm -f "$target/usr/lib/systemd/system-generators/systemd-ssh-generator"

# systemd never lets the clock be before this file's time, which is SOURCE_DATE_EPOCH.
touch -d "@$SOURCE_DATE_EPOCH" "$target/usr/lib/clock-epoch"

# Made on the node, never in the image.
: >"$target/etc/machine-id"
rm -f "$target"/etc/ssh/ssh_host_* "$target/var/lib/systemd/random-seed"
find "$target" -name .keep -delete

version=$(sed -n 's/^VERSION_ID=//p' "$target/usr/lib/os-release")
cat >"$target/usr/lib/os-release" <<EOF
NAME="Kutter OS"
ID=kutter
ID_LIKE=buildroot
PRETTY_NAME="Kutter OS"
VARIANT_ID=$board
BUILDROOT_VERSION=$version
EOF
