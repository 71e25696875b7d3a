# Builds a service that takes a new configuration by a reload.
mkdir -p "$out/bin" "$out/units"
printf '%s\n' "$value" >"$out/config"

cat >"$out/bin/load" <<END
#!/bin/sh
mkdir -p /run/fleet
cp $out/config /run/fleet/config
END
chmod +x "$out/bin/load"

cat >"$out/units/fleet-config.service" <<END
[Unit]
Description=Fleet configuration

[Service]
X-ReloadIfChanged=true
Type=exec
ExecStartPre=$out/bin/load
ExecStart=/bin/sleep infinity
ExecReload=$out/bin/load
END
