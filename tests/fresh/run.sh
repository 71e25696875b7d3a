#!/bin/sh
# run.sh [COMMIT]: runs .ci/run of a commit, HEAD unless said, on a machine on
# which nothing was ever installed but git, make and Go. Exits as .ci/run does.
#
# The machine is a Debian of mmdebstrap's making, in namespaces of its own for
# processes, mounts and its name. It shares this machine's kernel, and its
# network: so it reaches what this machine reaches, and labs in it and outside
# see which slots are taken.
set -eu
cd "$(dirname "$0")/../.."
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
dir=$(mktemp -d /var/tmp/flakeops-fresh.XXXXXX)
root=$dir/root
child=
trap 'rm -rf --one-file-system "$dir"' EXIT
trap '[ -z "$child" ] || { kill -KILL "$child"; wait "$child"; }; exit 130' HUP INT TERM

# alone runs a command as process 1: when it ends, the kernel ends all others,
# and no mount is left. unshare itself ends by SIGKILL only.
alone() {
	unshare --mount --uts --ipc --pid --fork --kill-child=KILL --mount-proc --propagation=private -- "$@" </dev/null &
	child=$!
	wait "$child" || { set -- "$?"; child=; return "$1"; }
	child=
}

began=$(date +%s)
# How this machine reaches its mirrors is no part of what is fresh.
apt-config dump | grep -E '^Acquire::(Check-|[Hh]ttps?::|Retries)' >"$dir/apt.conf" || :
alone mmdebstrap --quiet --variant=minbase --include=git,make,ca-certificates --aptopt="$dir/apt.conf" \
	bookworm "$root" ${FLAKEOPS_LAB_MIRROR:+"$FLAKEOPS_LAB_MIRROR"}
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
{ cat /etc/hosts; echo 127.0.1.1 fresh; } >"$root/etc/hosts"
if [ -d /usr/local/share/ca-certificates ]; then
	cp -R /usr/local/share/ca-certificates "$root/usr/local/share/"
	chroot "$root" update-ca-certificates >/dev/null
fi
cp -R "$(go env GOROOT)" "$root/usr/local/go"
git clone --quiet --no-local --no-checkout . "$root/root/flakeops"
git -C "$root/root/flakeops" checkout --quiet --detach "$commit"
echo "fresh: a bare machine made in $(($(date +%s) - began)) s, $(du -sh "$root" | cut -f 1)"

{
	env | grep -iE '^(https?|ftp|all|no)_proxy=' || :
	env | grep '^FLAKEOPS_LAB_MIRROR=' || :
	for name in GOPROXY GONOPROXY GOSUMDB GONOSUMDB GOPRIVATE GOINSECURE; do
		echo "$name=$(go env "$name")"
	done
} >"$dir/environment"

began=$(date +%s)
status=0
alone tests/fresh/inside.sh "$root" "$dir/environment" || status=$?
echo "fresh: .ci/run of $commit exited with $status after $(($(date +%s) - began)) s"
exit "$status"
