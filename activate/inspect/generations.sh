# The generations of a host's profile. Other links beside it are somebody else's.
set --
for link in /nix/var/nix/profiles/system-*-link; do
	number=${link#/nix/var/nix/profiles/system-}
	number=${number%-link}
	case $number in '' | 0* | *[!0-9]* | ??????????*) continue ;; esac
	if [ -L "$link" ]; then set -- "$@" "$link"; fi
done
if [ $# -gt 0 ]; then stat -c '%Y %n' "$@" | lines made; fi
for link; do
	number=${link#/nix/var/nix/profiles/system-}
	fact number "${number%-link}"
	if [ ! -e "$link" ]; then
		fact gone "$(readlink "$link")"
		continue
	fi
	fact system "$(readlink -f "$link")"
	version "$link"
	for dir in "$link"/kernel-modules/lib/modules/*; do
		if [ -d "$dir" ]; then fact kernel "${dir##*/}" && break; fi
	done
	for dir in "$link"/specialisation/*; do
		if [ -d "$dir" ]; then fact specialisation "${dir##*/}"; fi
	done
done
