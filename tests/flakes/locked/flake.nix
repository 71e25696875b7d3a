# A fleet that has an input, and so needs a lock.
{
  description = "A fleet that is another flake's";

  inputs.fleet.url = "path:@fleet@";

  outputs =
    { self, fleet }:
    {
      inherit (fleet) nixosConfigurations;
    };
}
