// Package auth logs in: with keys of the agent and of files, certificates,
// passwords and questions, in OpenSSH's order.
package auth
