// Package auth logs in: with keys of the agent and of files, certificates,
// passwords and questions, in OpenSSH's order.
//
// Of ssh_config it honours IdentityFile, CertificateFile, IdentityAgent,
// IdentitiesOnly, PubkeyAuthentication, PubkeyAcceptedAlgorithms,
// PasswordAuthentication, KbdInteractiveAuthentication, PreferredAuthentications,
// NumberOfPasswordPrompts and BatchMode. Keys of security keys and smart cards work
// through an agent, not from files or by PKCS11Provider; GSSAPI and host-based
// authentication are not offered, and AddKeysToAgent adds nothing.
package auth
