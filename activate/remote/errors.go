package remote

// UnreachableError is a host that could not be reached over the network in time.
type UnreachableError struct {
	Node string
	Host string
	Err  error
}

// Error names the node, the address and the cause.
func (e *UnreachableError) Error() string { return e.Node + ": " + e.Host + ": " + e.Err.Error() }

// Unwrap gives the network's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// HostKeyError is a host key that was refused. Nothing was sent to the host.
type HostKeyError struct {
	Node        string
	Host        string
	File        string // known_hosts file that holds the expected key; empty for an unknown key
	Line        int    // line in File, from 1
	Type        string // algorithm of the key presented
	Fingerprint string // SHA256:... of the key presented
	Reason      string
}

// Error says what was presented, what was expected and what to do next.
func (e *HostKeyError) Error() string { return e.Node + ": " + e.Host + ": " + e.Reason }

// AuthError is a host that accepted none of what was offered.
type AuthError struct {
	Node  string
	Host  string
	User  string
	Tried []string // what was offered, in order
	Err   error
}

// Error lists what was tried.
func (e *AuthError) Error() string { return e.Node + ": " + e.Host + ": " + e.Err.Error() }

// Unwrap gives the handshake's error.
func (e *AuthError) Unwrap() error { return e.Err }
