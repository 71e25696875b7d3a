// Package sshargs takes ssh command lines apart: the words of a line as a shell
// would, and flags, host and command as ssh(1) does.
package sshargs
