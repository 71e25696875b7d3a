{
  imports = [ ./db-hardware.nix ];

  # deployment.targetHost = "192.0.2.18";
  deployment.tags = [ "db" ];

  services.postgresql.enable = true;

  # The release that was installed on this host first. It stays when NixOS is
  # upgraded: it says how old the data of its services is.
  system.stateVersion = "26.05";
}
