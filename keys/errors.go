package keys

// ReadError is a node whose keys cannot all be read.
type ReadError struct {
	Node     string
	Failures []Failure // in the order of the keys
}

// Failure is a key that cannot be read.
type Failure struct {
	Attr string
	Err  error
}

func (e *ReadError) Error() string { return e.Node }

// HostError is what a host says about a message it could not follow.
type HostError struct{ Reason string }

func (e *HostError) Error() string { return e.Reason }
