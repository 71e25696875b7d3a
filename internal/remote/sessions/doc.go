// Package sessions runs commands over an SSH connection, as the login user or as
// root, and tells a command that failed from a connection that did. A shell and
// sudo are told from the command by a small protocol on stderr and stdin (gate.go).
//
// Of ssh_config it honours ServerAliveInterval and ServerAliveCountMax. A session has
// no terminal, and nothing of SendEnv, SetEnv, RequestTTY, RemoteCommand, ForwardAgent
// and the other forwardings.
package sessions
