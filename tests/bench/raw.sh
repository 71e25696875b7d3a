# raw.sh FLAKE NODE...: deploys as one would without a tool, as many hosts at
# once as flakeops does. A node's name is its host's. This is what flakeops is
# measured against, so nothing here is slower than it has to be.
set -eu
flake=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for node; do
	set -- "$@" "$flake#nixosConfigurations.$node.config.system.build.toplevel"
	echo "$node"
	shift
done >"$work/nodes"
nix build --no-update-lock-file --out-link "$work/system" "$@"

# The links are called system, system-1, system-2 and so on.
number=
while read -r node; do
	echo "$node $(readlink "$work/system${number:+-$number}")"
	number=$((${number:-0} + 1))
done <"$work/nodes" >"$work/todo"

xargs -P 10 -L 1 sh -c 'exec nix copy --no-check-sigs --to "ssh://$0" "$1"' <"$work/todo"

xargs -P 10 -L 1 sh -c 'exec ssh $NIX_SSHOPTS "$0" "
	nix-env --profile /nix/var/nix/profiles/system --set $1 &&
	$1/bin/switch-to-configuration switch"' <"$work/todo"
