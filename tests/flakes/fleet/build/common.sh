# Builds what every system shares.
mkdir "$out"
cp -R "$src" "$out/system"
