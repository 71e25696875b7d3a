# Builds a service that needs keys: it writes what it found and stays.
mkdir -p "$out/bin" "$out/units"
printf '%s\n' "$value" >"$out/version"

cat >"$out/bin/start" <<END
#!/bin/sh
set -e
mkdir -p /run/fleet
sha256sum -- $paths >/run/fleet/keyed.new
mv -f /run/fleet/keyed.new /run/fleet/keyed
END
chmod +x "$out/bin/start"

{
	printf '[Unit]\nDescription=Fleet service that needs keys\n'
	for unit in $units; do
		printf 'Requires=%s\nAfter=%s\n' "$unit" "$unit"
	done
	printf '\n[Service]\nType=exec\nExecStartPre=%s\nExecStart=/bin/sleep infinity\n' "$out/bin/start"
} >"$out/units/fleet-keyed.service"
