# Builds the given number of outputs, $payload bytes in all, the same for the
# same $seed and hard to compress: hashes of the seed and a number.
set -- $outputs
size=$((payload / $#))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# A block of 256 KiB, or less when no output needs as much.
lines=$(((size + 127) / 128))
[ "$lines" -le 2048 ] || lines=2048
if [ "$lines" -gt 0 ]; then
	seq -f "$seed %g" "$lines" | split -l 1 -a 4 - line.
	sha512sum line.* | cut -c 1-128 | tr -d '\n' >block
fi

for output in "$@"; do
	eval "path=\$$output"
	# The path itself differs from output to output, and goes first.
	{
		printf '%s\n' "$path"
		left=$size
		while [ "$left" -gt 0 ]; do
			cat block
			left=$((left - 262144))
		done
	} | head -c "$((size > 0 ? size : 64))" >"$path"
done
