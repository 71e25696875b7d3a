# What a deployment has to know of a host: one NAME<TAB>VALUE a line. The
# arguments are store paths to look for. More questions may follow, then end.
end_of_line='
'
fact() { # lines that a value has become one
	case $2 in *"$end_of_line"*) set -- "$1" "$(printf %s "$2" | tr '\n' ' ')" ;; esac
	printf '%s\t%s\n' "$1" "$2"
}
fact begin facts

# Nix is slow to start. Its version is in the path of the program on NixOS; and
# what has to be asked is asked beside the rest. Each line is one write, so lines
# do not mix.
if nix=$(command -v nix-store 2>/dev/null); then fact nix "$(readlink -f "$nix")"; fi
present=yes
for path; do [ -e "$path" ] || present=; done
if [ $# -gt 0 ] && [ "$present" ]; then
	if nix-store --check-validity "$@" 2>/dev/null; then for path; do fact present "$path"; done; fi
fi &

system() { if [ -e "$1" ]; then readlink -f "$1"; fi; } # a link that leads nowhere is none
fact user "$(id -u)"
fact running "$(system /run/current-system)"
fact booted "$(system /run/booted-system)"
fact profile "$(system /nix/var/nix/profiles/system)"
fact generation "$(readlink /nix/var/nix/profiles/system 2>/dev/null)"
fact keys "$([ -s /var/lib/flakeops/keys.json ] && echo yes)"
fact left "$(cat /run/flakeops/left 2>/dev/null)"
fact machine "$(uname -sm)"
fact boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
if [ -d /run/systemd/system ]; then fact systemd "$(systemctl --version 2>/dev/null | { read -r _ version _; echo "$version"; })"; fi
if [ -s /run/flakeops/lock ]; then fact holder "$(cat /run/flakeops/lock 2>/dev/null)"; fi
for state in /run/flakeops/*/state.json; do # none is left by a reboot
	[ -e "$state" ] || continue
	read -r text <"$state" || :
	case $text in '{"stage":"finished"'*) continue ;; esac
	state=${state%/state.json}
	fact unfinished "${state##*/}"
done
