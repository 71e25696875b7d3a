#!/bin/sh
# customize.sh FILES ROOT: turns the fresh Debian at ROOT into what a lab host
# boots. FILES is the directory this script is in.
set -eu
files=$1
root=$2

# Git and tar lose owners and modes, so they are said here.
(cd "$files/root" && find . -type f) | while read -r file; do
	install -D -o root -g root -m 0644 "$files/root/$file" "$root/$file"
done
chmod 0755 "$root/usr/local/lib/flakeops-lab/boot"
chmod 0440 "$root/etc/sudoers.d/lab"

chroot "$root" useradd --create-home --shell /bin/bash ops
chroot "$root" useradd --create-home --shell /bin/bash opspw
chroot "$root" usermod --lock root
echo "opspw:$SUDO_PASSWORD" | chroot "$root" chpasswd

# Every host gets host keys of its own, and is not to make others.
rm -f "$root"/etc/ssh/ssh_host_*
ln -sf /dev/null "$root/etc/systemd/system/sshd-keygen.service"

# Nothing that a boot does not need.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	systemd-pstore.service console-getty.service getty@.service \
	systemd-networkd.service systemd-networkd.socket systemd-resolved.service \
	systemd-timesyncd.service systemd-firstboot.service; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# What NixOS has.
: >"$root/etc/NIXOS"
mkdir -p "$root/boot" "$root/nix/store" "$root/nix/var/nix/profiles" "$root/nix/var/nix/gcroots"
chown root:"$(chroot "$root" getent group nixbld | cut -d: -f3)" "$root/nix/store"
chmod 1775 "$root/nix/store"
chroot "$root" groupadd --system keys
mkdir -p "$root/etc/systemd/system/local-fs.target.wants"
ln -sfn ../run-keys.mount "$root/etc/systemd/system/local-fs.target.wants/run-keys.mount"
ln -sfn /run/current-system "$root/nix/var/nix/gcroots/current-system"
ln -sfn /run/booted-system "$root/nix/var/nix/gcroots/booted-system"
ln -sfn /nix/var/nix/profiles "$root/nix/var/nix/gcroots/profiles"

mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sfn ../lab-boot.service "$root/etc/systemd/system/multi-user.target.wants/lab-boot.service"
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
