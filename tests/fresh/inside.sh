#!/bin/sh
# inside.sh ROOT ENVIRONMENT: makes ROOT the root file system of these
# namespaces and runs .ci/run there. It is process 1, and waits for all others.
set -eu
root=$1
environment=$2
hostname fresh
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
set -- env -i HOME=/root LANG=C.UTF-8 CI=true \
	PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
while read -r variable; do
	set -- "$@" "$variable"
done <"$environment"
mount --move . /
chroot . "$@" sh -c 'cd /root/flakeops && .ci/run'
