# What a plan has to know of a host: one NAME<TAB>VALUE a line. The arguments are
# the new system and, where one is asked for, an agent; stdin lists the store
# paths that the new system consists of, as far as they are known. Nothing is
# changed.
fact() { printf '%s\t%s\n' "$1" "$2"; }
fact begin survey
set -f # a store path may hold a question mark

# closure NAME PATH tells of what PATH needs at run time, and of the sizes.
closure() {
	paths=$(nix-store --query --requisites "$2" 2>/dev/null) || return 0
	printf '%s\n' "$paths" | while read -r path; do fact "$1" "$path"; done
	printf '%s\n' "$paths" | xargs nix-store --query --size | while read -r size; do fact "$1-size" "$size"; done
}

wanted=$(cat)
closure running /run/current-system &
if missing=$(printf '%s\n' "$wanted" "$@" | xargs nix-store --check-validity --print-invalid 2>/dev/null); then
	for path in $missing; do fact missing "$path"; done
	fact checked yes
	if [ -e "$1" ] && ! printf '%s\n' "$missing" | grep -qxF -- "$1"; then
		if [ -z "$wanted" ]; then closure new "$1"; fi
		parts new "$1"
	fi
fi
parts booted /run/booted-system
wait
# Alone, for a line this long is not one write.
if [ -s /var/lib/flakeops/keys.json ]; then fact manifest "$(tr '\n' ' ' </var/lib/flakeops/keys.json)"; fi
fact end survey
