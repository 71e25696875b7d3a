# What a host is pinned to: the nixpkgs of its system, and channels, which no lock file
# knows. Channels belong to users, who may have put anything there.
version /run/current-system
if [ -f /root/.nix-channels ]; then head -c 10000 /root/.nix-channels | lines subscribed; fi
for profile in /nix/var/nix/profiles/per-user/*/channels /root/.local/state/nix/profiles/channels /home/*/.local/state/nix/profiles/channels; do
	if [ ! -d "$profile" ]; then continue; fi
	owner=${profile%/.local/state/nix/profiles/channels}
	owner=${owner%/channels}
	fact owner "${owner##*/}"
	left=100
	for channel in "$profile"/*; do
		if [ ! -d "$channel" ] || [ "$left" -eq 0 ]; then continue; fi
		left=$((left - 1))
		fact channel "${channel##*/}"
		if [ -f "$channel/.git-revision" ]; then fact revision "$(head -c 100 "$channel/.git-revision" | tr -d '\000')"; fi
	done
done
