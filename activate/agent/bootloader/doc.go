// Package bootloader tells, from the files that boot loaders read, which NixOS
// system would boot. It knows systemd-boot, GRUB and extlinux as NixOS installs
// them, and tells only what is sure: everything else is Unknown.
package bootloader
