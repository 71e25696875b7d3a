# The program, and beside it the agents: the same program once for each kind of
# host, so that any deployer can serve all of them.
{ pkgs, src, version }:
let
  # The agents by their nix system, which are Go's GOARCH values.
  agents = {
    x86_64-linux = "amd64";
    aarch64-linux = "arm64";
  };

  ldflags = [ "-s" "-w" "-X flakeops/internal/cli.version=${version}" ];

  # What the package's own build set for the deployer's machine does not hold
  # for the hosts', and an agent needs no loader.
  agent = system: ''
    CGO_ENABLED=0 GOOS=linux GOARCH=${agents.${system}} go build -trimpath -buildmode=exe \
      -ldflags '-buildid= ${builtins.concatStringsSep " " ldflags}' \
      -o "$out/libexec/flakeops/flakeops-${system}" .
  '';
in
pkgs.buildGoModule {
  pname = "flakeops";
  inherit version src ldflags;

  # A test says what it is to be.
  vendorHash = "sha256-AFNS2M1b16lDyMgy7ygoJqeJQcsBpKdzSu/g9cRchAk=";

  subPackages = [ "." ];

  # Static: the program runs on hosts that have no libc where it looks for one.
  env.CGO_ENABLED = 0;
  hardeningDisable = [ "pie" ];

  # The tests want hosts.
  doCheck = false;

  postInstall = ''
    mkdir -p "$out/libexec/flakeops"
  '' + builtins.concatStringsSep "" (map agent (builtins.attrNames agents));

  # They are stripped, and for other machines too.
  dontStrip = true;
  dontPatchELF = true;

  meta = {
    description = "Deploys a NixOS fleet from its flake and cannot lock its operator out";
    mainProgram = "flakeops";
  };
}
