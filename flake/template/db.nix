{
  # deployment.targetHost = "192.0.2.18";
  deployment.tags = [ "db" ];

  services.postgresql.enable = true;
}
