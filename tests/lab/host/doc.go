// Package host boots throw-away hosts on this machine, for tests that want the
// real thing: systemd as PID 1, OpenSSH's sshd, a Nix store and a network of
// their own. It needs root on Linux, and Debian for its tools.
//
// # A lab
//
// A lab is some hosts and the network between them. One process supervises it:
// the program that uses this package, started a second time under another name
// and dispatched in an init function, because a test binary has no other place
// that is sure to be reached. The supervisor is
//
//   - process 1 of a PID namespace: when it ends, the kernel kills everything in
//     the lab, however deep in a host it is;
//   - owner of a mount namespace, in which the hosts' disks are mounted: no mount
//     is seen outside, and all go with the last process;
//   - owner of a network namespace, which is the router between the hosts and
//     this machine: forwarding is on in there and only there.
//
// It reads a pipe of which its owner holds the other end, and takes the lab down
// when the owner is gone, even by SIGKILL. Should the supervisor be killed, all
// but some files and control groups goes with it; those are removed when next a
// lab is made, or by Sweep. A lab made by hand has no owner, only Close ends it.
//
//	this machine         router                   host web
//	10.213.S.1 --------- 10.213.S.2
//	flakeopsS            up0      10.213.S.5 ---- 10.213.S.6
//	                              host1           eth0
//
// S is the lab's slot, a number that it has to itself by holding an abstract
// socket of that name; the same socket is how the supervisor is asked for things.
//
// # A host
//
// A host is a run of systemd-nspawn on an overlay of its suite's image. A reboot
// is a new run, and so is what follows a power cut, in which process 1 is killed
// from outside. Each run has a new network namespace; the disk stays.
//
// The image is Debian that does at boot what NixOS does: lab-boot.service
// activates the system that /boot/default-system points to, sets
// /run/booted-system and starts the system's units. A host comes with a system
// of its own as generation 1, built from the same scripts as the fleet's. Root
// and two users are let in by the lab's key: ops, whose sudo asks for nothing,
// and opspw, whose sudo asks for SudoPassword. The Nix daemon serves all and
// trusts root only.
package host
