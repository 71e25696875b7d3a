# What was deployed to a host, and which of those systems it still has.
deployments | lines record
systems=$(deployments | sed -n 's/.*"old":"\([^"]*\)","new":"\([^"]*\)".*/\1 \2/p' | tr ' ' '\n' | sort -u |
	grep -x '/nix/store/[0-9a-z]\{32\}-[0-9a-zA-Z+._?=-]*')
if [ "$systems" ] && missing=$(printf '%s\n' "$systems" | xargs nix-store --check-validity --print-invalid); then
	fact checked yes
	printf '%s\n' "$missing" | lines missing
fi
