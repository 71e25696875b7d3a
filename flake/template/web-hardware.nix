# Stands in for what the host says of itself:
#   ssh root@web nixos-generate-config --show-hardware-config >web-hardware.nix
{
  nixpkgs.hostPlatform = "x86_64-linux";
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
}
