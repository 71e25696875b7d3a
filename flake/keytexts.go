package flake

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"unicode/utf8"

	"flakeops/flake/nix"
	"flakeops/internal/fault"

	"github.com/tidwall/gjson"
)

// KeyTextError is a text of a node's keys that cannot be had. It never holds
// any part of a value, and therefore none of nix's own words.
type KeyTextError struct {
	Node    string
	Keys    []string // attributes
	Message string   // continues "the text of ... "
	Hint    string
}

func (e *KeyTextError) Error() string {
	names := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		names[i] = quoted(k)
	}
	what := "the text of key " + strings.Join(names, "")
	if len(names) != 1 {
		what = "one of the texts of keys " + strings.Join(names, ", ")
	}
	return fault.WithHint(fmt.Sprintf("node %s: %s %s", quoted(e.Node), what, e.Message), e.Hint)
}

// KeyTexts evaluates the texts of the named keys (attributes of
// deployment.keys) of a node and returns them by attribute. The answer stays in
// memory and in none of nix's caches. Its error is a *KeyTextError, or concerns
// the whole run as that of Evaluate does.
func (f *Flake) KeyTexts(ctx context.Context, node string, attrs []string) (map[string][]byte, error) {
	if len(attrs) == 0 {
		return map[string][]byte{}, nil
	}
	giveBack, err := f.texts.take(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	argv := f.nix.EvalArgv("--option", "eval-cache", "false", "eval", "--json", f.URL+"#nixosConfigurations",
		"--apply", library+".texts "+nixStrings(attrs)+" "+nixString(node))
	a, err := f.nix.Ask(ctx, argv)
	if err != nil {
		return nil, f.textsError(ctx, node, attrs, err)
	}
	texts, err := parseTexts(node, attrs, a.Out)
	if err != nil {
		return nil, err
	}
	return texts, f.Unchanged(ctx)
}

// textsError keeps what nix said to itself.
func (f *Flake) textsError(ctx context.Context, node string, attrs []string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return err
	}
	var exit *nix.ExitError
	if errors.As(err, &exit) && unlocked(exit) {
		return &LockError{Ref: f.Ref}
	}
	return &KeyTextError{Node: node, Keys: attrs, Message: "cannot be evaluated", Hint: seeYourself(node, attrs)}
}

// seeYourself tells how to get at nix's words, which are not shown.
func seeYourself(node string, attrs []string) string {
	return fmt.Sprintf("what nix says is not shown, as it may quote the value; to see it, run `nix eval` on %s",
		"nixosConfigurations."+nixString(node)+".config.deployment.keys."+nixString(attrs[0])+".text of the flake")
}

// parseTexts reads what lib.nix's texts function gives. No error quotes it.
func parseTexts(node string, attrs []string, data []byte) (map[string][]byte, error) {
	if !utf8.Valid(data) {
		return nil, &KeyTextError{Node: node, Keys: attrs, Message: "has bytes that are not UTF-8",
			Hint: "use keyFile or keyCommand for a value that is not text"}
	}
	strange := &KeyTextError{Node: node, Keys: attrs, Message: "was asked of nix, which did not print the JSON expected",
		Hint: "check that the nix in PATH works"}
	if !gjson.ValidBytes(data) {
		return nil, strange
	}
	list := gjson.ParseBytes(data)
	if !list.IsArray() || len(list.Array()) != len(attrs) {
		return nil, strange
	}
	texts := map[string][]byte{}
	for i, e := range list.Array() {
		if e.Get("attr").String() != attrs[i] {
			return nil, strange
		}
		text := e.Get("text")
		switch problem := e.Get("error"); {
		case problem.Type == gjson.String:
			return nil, &KeyTextError{Node: node, Keys: attrs[i : i+1], Message: nix.Plain(problem.String()),
				Hint: seeYourself(node, attrs[i:i+1])}
		case text.Type != gjson.String:
			return nil, strange
		}
		texts[attrs[i]] = []byte(text.String())
	}
	return texts, nil
}
