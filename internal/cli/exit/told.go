package exit

import (
	"errors"
	"fmt"
)

// status is the end of a run whose errors have been told already.
type status struct {
	code      int
	unwritten error // why its results could not be written; still to be told
}

func (e *status) Error() string {
	if e.unwritten != nil {
		return e.unwritten.Error()
	}
	return fmt.Sprintf("exit status %d", e.code)
}

// With ends the process with the code of a run that was told of. That its results
// could not be written does not make a worse code better.
func With(code int, written error) error {
	switch {
	case written != nil:
		return &status{Worse(code, Other), written}
	case code != Done:
		return &status{code, nil}
	}
	return nil
}

// Told says whether people know of an error already.
func Told(err error) bool {
	var told *status
	return errors.As(err, &told) && told.unwritten == nil
}
