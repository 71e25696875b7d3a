# Builds a node's system.
fault() {
	case " $faults " in *" $1 "*) return 0 ;; esac
	return 1
}

if fault build-slow; then
	until [ -e "$gateFile" ]; do sleep 0.05; done
fi
if fault build-fails; then
	printf 'build of %s fails: %s\n' "$nodeName" "$message" >&2
	exit 1
fi

mkdir -p "$out/bin" "$out/etc/fleet" "$out/etc/systemd/system" "$out/faults"

# Copies, because each finds its system by resolving its own name.
cp "$common/system/switch-to-configuration" "$out/bin/"
cp "$common/system/activate" "$out/"
ln -s "$common" "$out/sw"

printf '%s\n' "$nodeName" >"$out/name"
printf '%s' "$platform" >"$out/system"
printf '%s\n' "$version" >"$out/version"
printf '%s' "fleet.$version" >"$out/nixos-version"
printf '%s\n' "$message" >"$out/etc/fleet/message"

: >"$out/etc/fleet/units"
for service in $services; do
	for unit in "$service"/units/*; do
		ln -s "$unit" "$out/etc/systemd/system/"
		printf '%s\n' "${unit##*/}" >>"$out/etc/fleet/units"
	done
done

# Copies, because systemd minds the name that a link leads to.
for unit in $keyUnits; do
	cp "${unit#*=}" "$out/etc/systemd/system/${unit%%=*}"
done
[ -z "$keyPaths" ] || printf '%s\n' $keyPaths >>"$out/etc/fleet/units"
printf '%s\n' $users >"$out/etc/fleet/users"
printf '%s\n' $groups >"$out/etc/fleet/groups"

for fault in $faults; do
	if [ -e "$common/system/faults/$fault" ]; then
		cp "$common/system/faults/$fault" "$out/faults/"
	fi
done
if fault reboot-needed; then : >"$out/reboot-needed"; fi

[ -z "${kernel-}" ] || ln -s "$kernel/bzImage" "$out/kernel"
[ -z "${inhibitors+set}" ] || printf '%s' "$inhibitors" >"$out/switch-inhibitors"

[ -z "${variant-}" ] || printf '%s\n' "$variant" >"$out/switch-variant"
[ -z "${bootLimit-}" ] || printf '%s\n' "$bootLimit" >"$out/boot-limit"

printf '%s\n' $bulk >"$out/etc/fleet/bulk"
