# The demonstration. It boots hosts out of Debian packages, so it needs a Debian
# machine and root; Go comes from here.
{ pkgs, src }:
pkgs.writeShellScriptBin "flakeops-demo" ''
  set -eu
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  cp -R ${src}/. "$dir"
  chmod -R u+w "$dir"
  cd "$dir"
  PATH=${pkgs.go}/bin:$PATH make demo
''
