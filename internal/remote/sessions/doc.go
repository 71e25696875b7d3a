// Package sessions runs commands over an SSH connection, as the login user or as
// root, and tells a command that failed from a connection that did.
//
// Of ssh_config it honours ServerAliveInterval and ServerAliveCountMax. A session has
// no terminal, and nothing of SendEnv, SetEnv, ForwardAgent, RemoteCommand and the
// forwardings.
package sessions
