# The program, and beside it the agents: a small program of their own, once for
# each kind of host, so that any deployer can serve all of them.
{
  pkgs,
  src,
  version,
}:
let
  # The agents by their nix system, which are Go's GOARCH values.
  agents = {
    x86_64-linux = "amd64";
    aarch64-linux = "arm64";
  };

  ldflags = [
    "-s"
    "-w"
    "-X flakeops/internal/cli.version=${version}"
  ];

  # What the package's own build set for the deployer's machine does not hold
  # for the hosts', and an agent needs no loader.
  agent = system: ''
    CGO_ENABLED=0 GOOS=linux GOARCH=${agents.${system}} go build -trimpath -buildmode=exe \
      -ldflags '-s -w -buildid=' \
      -o "$out/libexec/flakeops/flakeops-${system}" ./activate/agent/flakeops-agent
  '';
in
pkgs.buildGoModule {
  pname = "flakeops";
  inherit version src ldflags;

  # A test says what it is to be.
  vendorHash = "sha256-kH4BJOfnznyzzArgE9mGq96sAdC+fny6Uuhc1ZyxTDM=";

  subPackages = [ "." ];

  # Static: the program runs on hosts that have no libc where it looks for one.
  env.CGO_ENABLED = 0;

  # The tests want hosts.
  doCheck = false;

  nativeBuildInputs = [ pkgs.installShellFiles ];

  postInstall = ''
    mkdir -p "$out/libexec/flakeops"
  ''
  + builtins.concatStringsSep "" (map agent (builtins.attrNames agents))
  # The program tells them, where it runs.
  + pkgs.lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
    "$out/bin/flakeops" man > flakeops.1
    installManPage flakeops.1
    for shell in bash zsh fish; do
      "$out/bin/flakeops" completion "$shell" > "flakeops.$shell"
    done
    installShellCompletion flakeops.bash flakeops.zsh flakeops.fish
  '';

  # They are stripped, and for other machines too.
  dontStrip = true;
  dontPatchELF = true;

  meta = {
    description = "Deploys a NixOS fleet from its flake and cannot lock its operator out";
    license = pkgs.lib.licenses.mit;
    mainProgram = "flakeops";
  };
}
