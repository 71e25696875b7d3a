package cli

import (
	"slices"
	"sync"

	"flakeops/internal/fault"
)

// hints are what to do about the errors of a run, each said once.
type hints struct {
	mu    sync.Mutex
	texts []string
}

// add keeps the hint of err, if it has any.
func (a *hints) add(err error) {
	hint := fault.Hint(err)
	a.mu.Lock()
	defer a.mu.Unlock()
	if hint != "" && !slices.Contains(a.texts, hint) {
		a.texts = append(a.texts, hint)
	}
}

// tell says what was added, in the order of the texts.
func (a *hints) tell(to interface{ Message(text string) }) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range slices.Sorted(slices.Values(a.texts)) {
		to.Message(text)
	}
}
