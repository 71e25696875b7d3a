package run

// SignalError is a command that a signal ended.
type SignalError struct {
	Signal string // as SSH has it: KILL
}

// Error names the signal.
func (e *SignalError) Error() string { return "killed by signal: " + e.Signal }
