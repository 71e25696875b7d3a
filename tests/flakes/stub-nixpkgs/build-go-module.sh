# Builds a Go program as nixpkgs' buildGoModule would, with the machine's Go.
cp -R "$src" source
chmod -R u+w source
cd source
GOBIN=$out/bin go install -ldflags "$ldflags" $packages
for input in $nativeBuildInputs; do
	. "$input/nix-support/setup-hook"
done
eval "$postInstall"
