package ui

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"flakeops/internal/fleet"
)

// Event shows what happened in a run. It is safe for concurrent use.
func (u *UI) Event(e fleet.Event) {
	switch {
	case e.Step == fleet.Executing && e.Kind == fleet.Output:
		u.pass(e)
		return
	case e.Kind == fleet.Ended:
		u.passRest(e)
	}
	u.line(lineOf(e))
	switch e.Kind {
	case fleet.Began:
		u.Status(e.Node, began(e.Step))
	case fleet.Progress:
		u.progress(e)
	case fleet.Log:
		if e.Node == "" {
			e.Node = derivationName(e.Derivation)
		}
		u.Log(e.Node, e.Text)
	case fleet.Output:
		u.Line(e.Node, e.Text)
	case fleet.Completed:
		if text := completed(e.Step); e.Node != "" && text != "" {
			u.Status(e.Node, text)
		}
	case fleet.Ended:
		u.Remember(e.Result.Hint)
		if saidAlready(e.Result) {
			u.Forget(e.Node)
		} else {
			u.End(e.Node, e.Result.String())
		}
	}
}

func (u *UI) progress(e fleet.Event) {
	switch {
	case e.Step == fleet.Building && e.Node != "":
		u.Status(e.Node, "building "+derivationName(e.Derivation))
	case e.Step == fleet.Pushing:
		u.Detail(e.Node, fmt.Sprintf("%d of %d paths", e.Done, e.Total))
	case e.Step == fleet.Activating:
		u.Status(e.Node, e.Text)
	}
}

// saidAlready says whether a line about the node's end would be one too many: it is
// what its last step came to, or what another node's end has led to.
func saidAlready(r fleet.Result) bool {
	switch r.Outcome {
	case fleet.Built, fleet.Pushed, fleet.Asked, fleet.Executed, fleet.Held:
		return r.Err == nil
	}
	return false
}

// began is what a node is said to be doing.
func began(s fleet.Step) string {
	return map[fleet.Step]string{
		fleet.Evaluating:    "evaluating",
		fleet.Building:      "building",
		fleet.Connecting:    "connecting",
		fleet.Asking:        "asking the host",
		fleet.ReadingKeys:   "reading keys",
		fleet.Comparing:     "comparing",
		fleet.Pushing:       "pushing",
		fleet.BuildingThere: "building on the host",
		fleet.DryActivating: "asking what activation would do",
		fleet.CheckingKeys:  "comparing keys",
		fleet.SendingKeys:   "sending keys",
		fleet.Activating:    "starting the agent",
		fleet.TakingBack:    "taking back",
		fleet.Rebooting:     "rebooting",
		fleet.AwaitingBoot:  "waiting for the host to come back",
		fleet.AwaitingUnits: "waiting for its units",
		fleet.Executing:     "running the command",
		fleet.Copying:       "copying",
		fleet.Collecting:    "collecting garbage",
	}[s]
}

func completed(s fleet.Step) string {
	return map[fleet.Step]string{fleet.Evaluating: "evaluated", fleet.Building: "built"}[s]
}

// derivationName is the name of a derivation without its store directory and hash.
func derivationName(path string) string {
	base := filepath.Base(path)
	if _, name, ok := strings.Cut(base, "-"); ok {
		base = name
	}
	return strings.TrimSuffix(base, ".drv")
}

// Remember keeps what to do about an error, which many nodes may share, for Advise.
func (u *UI) Remember(hint string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if hint != "" && !slices.Contains(u.hints, hint) {
		u.hints = append(u.hints, hint)
	}
}

// Advise says what was remembered, each once.
func (u *UI) Advise() {
	u.mu.Lock()
	hints := u.hints
	u.hints = nil
	u.mu.Unlock()
	for _, hint := range slices.Sorted(slices.Values(hints)) {
		u.Message(hint)
	}
}
