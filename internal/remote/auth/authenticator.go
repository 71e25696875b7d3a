package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/resolve"

	"golang.org/x/crypto/ssh"
)

// Authenticator decides, one step at a time, what to offer a host next.
type Authenticator struct {
	Config   *resolve.Config
	Node     string // for questions
	Operator *ask.Operator
	Keys     *Keyring
	Pause    func() (resume func()) // stops the clock of the connection

	ctx      context.Context // of the handshake, whose callbacks are given none
	offers   []offer
	skipped  []string // what was left out, and why
	next     int      // offer to make next
	tried    []string // what was offered
	accepted []string // methods that the host would take
	kbd      attempts
	password attempts
	gaveUp   error // the operator was asked and declined, or the run ended
}

// attempts counts the tries of a method that asks for a password.
type attempts struct {
	asked int
	last  *string // the value last sent; nil before the first
}

// Choose is called by x/crypto/ssh after every answer of the host.
func (a *Authenticator) Choose(s *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if a.gaveUp != nil {
		return nil, a.gaveUp
	}
	a.accepted = s.AllowedMethods
	for _, method := range a.Config.Preferred {
		if !slices.Contains(s.AllowedMethods, method) {
			continue
		}
		switch method {
		case "publickey":
			if a.Config.PubkeyAuth && a.next < len(a.offers) {
				o := a.offers[a.next]
				a.next++
				a.tried = append(a.tried, o.name)
				return ssh.PublicKeys(o.signer), nil
			}
		case "keyboard-interactive":
			if a.Config.KbdAuth && a.mayAsk(&a.kbd) {
				a.note("keyboard-interactive")
				return ssh.KeyboardInteractive(a.challenge), nil
			}
		case "password":
			if a.Config.PasswordAuth && a.mayAsk(&a.password) {
				a.note("password")
				return ssh.PasswordCallback(func() (string, error) { return a.ask(&a.password, "password") }), nil
			}
		}
	}
	return nil, nil
}

func (a *Authenticator) note(method string) {
	if !slices.Contains(a.tried, method) {
		a.tried = append(a.tried, method)
	}
}

func (a *Authenticator) mayAsk(t *attempts) bool {
	if a.Operator.Prompt == nil || a.Config.Batch || t.asked >= a.Config.Tries {
		return false
	}
	t.asked++
	return true
}

// challenge answers one round of keyboard-interactive. A single hidden question
// is taken for the password, which is remembered; everything else is asked anew
// each time, since it may be a one-time code.
func (a *Authenticator) challenge(_, instruction string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 1 && !echos[0] && strings.Contains(strings.ToLower(questions[0]), "password") {
		v, err := a.ask(&a.kbd, "password")
		return []string{v}, err
	}
	defer a.Pause()()
	answers := make([]string, len(questions))
	for n, q := range questions {
		prompt := fmt.Sprintf("%s (%s): %s ", a.account(), a.Node, strings.TrimSpace(ask.Printable(instruction+" "+q)))
		v, err := a.Operator.Secret(a.ctx, prompt)
		if err != nil {
			return nil, a.giveUp(err)
		}
		answers[n] = v
	}
	return answers, nil
}

// ask gives the account's password, a new one if the last was wrong.
func (a *Authenticator) ask(t *attempts, what string) (string, error) {
	defer a.Pause()()
	prompt := fmt.Sprintf("%s for %s (%s): ", what, a.account(), a.Node)
	if t.last != nil {
		prompt = "wrong; " + prompt
	}
	v, err := a.secret().Get(a.ctx, t.last, func() (string, error) { return a.Operator.Secret(a.ctx, prompt) })
	if err != nil {
		return "", a.giveUp(err)
	}
	t.last = &v
	return v, nil
}

// GaveUp says whether the operator was asked and declined, or the run ended.
func (a *Authenticator) GaveUp() bool { return a.gaveUp != nil }

func (a *Authenticator) giveUp(err error) error {
	a.gaveUp = err
	return err
}

func (a *Authenticator) secret() *ask.Secret {
	return a.Operator.Passwords.Of("ssh " + a.account())
}

func (a *Authenticator) account() string { return a.Config.User + "@" + a.Config.Addr() }

// Failure makes an Error of a handshake that the host ended.
func (a *Authenticator) Failure(err error) *Error {
	for _, t := range []*attempts{&a.kbd, &a.password} {
		if t.last != nil {
			a.secret().Forget(a.ctx, *t.last)
		}
	}
	if a.gaveUp != nil && !errors.Is(err, a.gaveUp) {
		err = a.gaveUp
	}
	return &Error{
		Host: a.Config.Addr(), User: a.Config.User,
		Login: a.Config.Login(), Tried: a.tried, Skipped: a.skipped, Accepts: a.accepted, Err: err,
	}
}
