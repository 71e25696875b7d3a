package cli

import (
	"errors"
	"slices"
	"sync"
)

// advised is an error that knows what to do about it, which many nodes may share.
type advised interface {
	error
	Cause() string  // the error without the advice
	Advice() string // "" for none
}

// advice is what to do about the errors of a run, each said once.
type advice struct {
	mu    sync.Mutex
	texts []string
}

// add keeps the advice of err, if it has any.
func (a *advice) add(err error) {
	var e advised
	if !errors.As(err, &e) || e.Advice() == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.texts, e.Advice()) {
		a.texts = append(a.texts, e.Advice())
	}
}

// tell says what was added, in the order of the texts.
func (a *advice) tell(to interface{ Message(text string) }) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range slices.Sorted(slices.Values(a.texts)) {
		to.Message(text)
	}
}

// causeOf is the text of an error, without advice.
func causeOf(err error) string {
	var e advised
	if errors.As(err, &e) {
		return e.Cause()
	}
	return err.Error()
}
