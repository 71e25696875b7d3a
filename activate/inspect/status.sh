# How a host stands.
running=$(system /run/current-system)
parts booted /run/booted-system
parts running /run/current-system
version /run/current-system
deployments | tail -n 8 | lines last
# How what runs came there, where records tell of it.
if [ "$running" ]; then deployments | grep -F "\"new\":\"$running\"" | grep -F '"outcome":"' | tail -n 8 | lines by; fi
