{ pkgs, ... }:
{
  imports = [ ./web-hardware.nix ];

  # Addresses, ports and keys may as well stay in your ssh_config.
  # deployment.targetHost = "192.0.2.17";
  deployment.tags = [ "web" ];

  networking.firewall.allowedTCPPorts = [ 80 ];
  services.nginx.enable = true;

  environment.systemPackages = [ pkgs.curl ];

  # The release that was installed on this host first. It stays when NixOS is
  # upgraded: it says how old the data of its services is.
  system.stateVersion = "26.05";
}
