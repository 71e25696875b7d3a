{
  description = "Deploys a NixOS fleet from its flake and cannot lock its operator out";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      # Of deployers. Hosts run Linux, and every package brings both agents.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];

      # A date can be compared, a commit found. A plain directory has no commit.
      date = builtins.substring 0 8 (self.lastModifiedDate or "19700101");
      version = "0.${date}" + (if self ? shortRev then "+${self.shortRev}" else "");

      build =
        pkgs:
        import ./flake/package.nix {
          inherit pkgs version;
          src = self;
        };
      perSystem = of: lib.genAttrs systems (system: of system nixpkgs.legacyPackages.${system});
    in
    {
      packages = perSystem (
        system: pkgs: rec {
          flakeops = build pkgs;
          default = flakeops;
        }
      );

      # Of any flake: nix run github:me/flakeops#deploy -- FLAKE.
      apps = perSystem (
        system: pkgs:
        let
          app = program: description: {
            type = "app";
            inherit program;
            meta = { inherit description; };
          };
          deploy = app "${self.packages.${system}.default}/bin/flakeops" "Deploy the nixosConfigurations of a flake";
        in
        {
          inherit deploy;
          default = deploy;
        }
        // lib.optionalAttrs (lib.hasSuffix "-linux" system) {
          demo = app "${
            import ./flake/demo.nix {
              inherit pkgs;
              src = self;
            }
          }/bin/flakeops-demo" "See a host that cannot be locked out (Debian, as root)";
        }
      );

      overlays.default = final: prev: { flakeops = build final; };

      # The options of deployment and deployment.keys.
      nixosModules.default.imports = [ ./flake/module.nix ];

      # What a fleet's flake makes its own outputs of:
      #   apps = flakeops.lib.apps self;
      #   checks = flakeops.lib.checks self;
      lib = rec {
        apps = import ./flake/apps.nix {
          inherit systems;
          package = system: self.packages.${system}.default;
          writeShellScriptBin = system: nixpkgs.legacyPackages.${system}.writeShellScriptBin;
        };

        checks = self: checksWith { inherit self; };

        # Selectors, as --on takes them, that must match something.
        checksWith =
          {
            self,
            selectors ? [ ],
          }:
          let
            inherit (import ./flake/checks.nix { inherit self selectors; }) checked;
          in
          lib.genAttrs systems (system: {
            deployment = checked (derivation {
              name = "deployment";
              inherit system;
              builder = "/bin/sh";
              args = [
                "-c"
                ": > $out"
              ];
            });
          });
      };

      templates.default = {
        path = ./flake/template;
        description = "A fleet of two nodes, deployed by nix run .#deploy";
      };

      devShells = perSystem (
        system: pkgs: {
          default = pkgs.mkShell {
            packages = [
              pkgs.go
              pkgs.gopls
              pkgs.go-tools
              pkgs.errcheck
              pkgs.git
              pkgs.gnumake
            ];
          };
        }
      );

      checks = perSystem (system: pkgs: { package = self.packages.${system}.default; });

      formatter = perSystem (system: pkgs: pkgs.nixfmt-tree);
    };
}
