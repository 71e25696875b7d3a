# Builds a service that does not start.
mkdir -p "$out/bin" "$out/units"
printf '%s\n' "$value" >"$out/message"

cat >"$out/bin/start" <<END
#!/bin/sh
cat $out/message >&2
exit 1
END
chmod +x "$out/bin/start"

cat >"$out/units/fleet-broken.service" <<END
[Unit]
Description=Fleet service that fails

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$out/bin/start
END
