{ pkgs, ... }:
{
  # Addresses, ports and keys may as well stay in your ssh_config.
  # deployment.targetHost = "192.0.2.17";
  deployment.tags = [ "web" ];

  networking.firewall.allowedTCPPorts = [ 80 ];
  services.nginx.enable = true;

  environment.systemPackages = [ pkgs.curl ];
}
