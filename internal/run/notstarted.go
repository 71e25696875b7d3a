package run

// NotStartedError is the cause, inside an *Error, of a command that never
// began, or of which no byte of the Stdin was sent that was to tell it what to
// do: it has had no effect, and running it again is safe.
type NotStartedError struct{ Err error }

// Error is the cause's.
func (e *NotStartedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *NotStartedError) Unwrap() error { return e.Err }
