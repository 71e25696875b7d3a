# What the scripts of this room have in common.
LC_ALL=C
export LC_ALL
tab=$(printf '\t')

# lines NAME tells each line of stdin, whatever its bytes.
lines() { sed "s/^/$1$tab/"; }

# deployments are the host's records. A power cut can leave zeros in them, and a last
# line without an end.
deployments() {
	[ -e /var/lib/flakeops/deployments.jsonl ] || return 0
	tail -c 8388608 /var/lib/flakeops/deployments.jsonl | tr -d '\000'
	echo
}

# version SYSTEM tells what a system says of itself. Its nixos-version is read instead
# of run: it may be of another platform, and there may be hundreds.
version() {
	label=
	{ IFS= read -r label <"$1/nixos-version"; } 2>/dev/null || :
	fact label "$label"
	fact says "$(sed -n '/^{"/{p;q;}' "$1/sw/bin/nixos-version" 2>/dev/null)"
}
