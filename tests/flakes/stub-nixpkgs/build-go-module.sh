# Builds a Go program as nixpkgs' buildGoModule would, with the machine's Go.
cp -R "$src" source
chmod -R u+w source
cd source
GOBIN=$out/bin go install -ldflags "$ldflags" $packages
eval "$postInstall"
