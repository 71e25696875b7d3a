# collect.sh CURRENT RUNNING PREVIOUS GENERATION... deletes generations and collects
# garbage, with the lock of the host's deployments held. CURRENT is the profile's
# generation and RUNNING the system that runs as they were when this was decided; PREVIOUS
# is the system to keep although no generation may have it, empty for none.
profile=/nix/var/nix/profiles/system
roots=/nix/var/nix/gcroots/flakeops
current=$1 running=$2 previous=$3
shift 3
# Whoever can open the lock's file can hold it.
mkdir -p /run/flakeops && (umask 077 && : >>/run/flakeops/lock) && exec 9<>/run/flakeops/lock || exit 1
flock -n 9 || exit 70
link=$(readlink "$profile") || link=
[ "${link##*/}" = "$current" ] && [ "$(readlink -f /run/current-system)" = "$running" ] || exit 71
if [ $# -gt 0 ]; then
	nix-env --profile "$profile" --delete-generations "$@" || exit 72
	NIXOS_INSTALL_BOOTLOADER=0 "$profile/bin/switch-to-configuration" boot 9<&- || exit 73
fi
if [ "$previous" ]; then
	mkdir -p "$roots" && ln -sfn "$previous" "$roots/gc" || exit 1
fi
nix-store --gc 2>&1
status=$?
rm -f "$roots/gc"
exit $status
