package flake

// EvalError is a node that cannot be evaluated, or whose settings are not valid.
type EvalError struct {
	Node    string
	Message string // nix's error, or what is wrong with which option
}

func (e *EvalError) Error() string { return e.Message }

// LockError is a flake whose flake.lock is missing or stale.
type LockError struct {
	Ref    string
	Detail string // what nix said
}

func (e *LockError) Error() string { return e.Detail }

// BuildError is a node whose system cannot be built.
type BuildError struct {
	Node string
	Drv  string   // the derivation that failed: the node's own or one it depends on
	Log  []string // its last lines
}

func (e *BuildError) Error() string { return e.Drv }
