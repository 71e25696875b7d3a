# Builds the node's service: it writes its version and stays.
mkdir -p "$out/bin" "$out/units"
printf '%s\n' "$value" >"$out/version"

cat >"$out/bin/start" <<END
#!/bin/sh
mkdir -p /run/fleet
cp $out/version /run/fleet/version
END
chmod +x "$out/bin/start"

cat >"$out/units/fleet-app.service" <<END
[Unit]
Description=Fleet application

[Service]
Type=exec
ExecStartPre=$out/bin/start
ExecStart=/bin/sleep infinity
END
