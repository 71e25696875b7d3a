# What both hosts have.
{
  # As configuration.nix on the hosts has it. Hosts that boot by UEFI have
  # boot.loader.systemd-boot.enable = true instead, and most of them
  # boot.loader.efi.canTouchEfiVariables = true.
  boot.loader.grub.device = "/dev/sda";

  # Without this no deployment gets in again, and the host goes back.
  services.openssh.enable = true;
  users.users.root.openssh.authorizedKeys.keys = [
    # "ssh-ed25519 AAAA... you@laptop"
  ];
}
