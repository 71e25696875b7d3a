# parts NAME SYSTEM tells of what only a boot puts to use.
parts() {
	for part in kernel initrd kernel-modules systemd; do
		if [ -e "$2/$part" ]; then fact "$1-$part" "$(readlink -f "$2/$part")"; fi
	done
	for part in kernel-params switch-inhibitors; do
		if [ -e "$2/$part" ]; then fact "$1-$part" "$(tr '\n\t' '  ' <"$2/$part")"; fi
	done
}
