# What both hosts have. Bring what nixos-generate-config wrote on each host, its
# hardware-configuration.nix, and name it in the imports of that node.
{
  boot.loader.grub.device = "/dev/sda";
  fileSystems."/" = { device = "/dev/disk/by-label/nixos"; fsType = "ext4"; };

  # Without this no deployment gets in again, and the host goes back.
  services.openssh.enable = true;
  users.users.root.openssh.authorizedKeys.keys = [
    # "ssh-ed25519 AAAA... you@laptop"
  ];

  system.stateVersion = "26.05";
}
