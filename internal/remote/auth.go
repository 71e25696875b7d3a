package remote

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

// authenticator decides, one step at a time, what to offer a host next.
type authenticator struct {
	ctx    context.Context
	dialer *Dialer
	config *resolve.Config
	node   string
	pause  func() func()
	ids    *identities

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

// choose is called by x/crypto/ssh after every answer of the host.
func (a *authenticator) choose(s *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if a.gaveUp != nil {
		return nil, a.gaveUp
	}
	a.accepted = s.AllowedMethods
	for _, method := range a.config.Preferred {
		if !slices.Contains(s.AllowedMethods, method) {
			continue
		}
		switch method {
		case "publickey":
			if a.config.PubkeyAuth && a.next < len(a.ids.offers) {
				o := a.ids.offers[a.next]
				a.next++
				a.tried = append(a.tried, o.name)
				return ssh.PublicKeys(o.signer), nil
			}
		case "keyboard-interactive":
			if a.config.KbdAuth && a.mayAsk(&a.kbd) {
				a.note("keyboard-interactive")
				return ssh.KeyboardInteractive(a.challenge), nil
			}
		case "password":
			if a.config.PasswordAuth && a.mayAsk(&a.password) {
				a.note("password")
				return ssh.PasswordCallback(func() (string, error) { return a.ask(&a.password, "password") }), nil
			}
		}
	}
	return nil, nil
}

func (a *authenticator) note(method string) {
	if !slices.Contains(a.tried, method) {
		a.tried = append(a.tried, method)
	}
}

func (a *authenticator) mayAsk(t *attempts) bool {
	if a.dialer.Operator.Prompt == nil || a.config.Batch || t.asked >= a.config.Tries {
		return false
	}
	t.asked++
	return true
}

// challenge answers one round of keyboard-interactive. A single hidden question
// is taken for the password, which is remembered; everything else is asked anew
// each time, since it may be a one-time code.
func (a *authenticator) challenge(_, instruction string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 1 && !echos[0] && strings.Contains(strings.ToLower(questions[0]), "password") {
		v, err := a.ask(&a.kbd, "password")
		return []string{v}, err
	}
	defer a.pause()()
	answers := make([]string, len(questions))
	for n, q := range questions {
		prompt := fmt.Sprintf("%s (%s): %s ", a.account(), a.node, strings.TrimSpace(ask.Printable(instruction+" "+q)))
		v, err := a.dialer.Operator.Secret(a.ctx, prompt)
		if err != nil {
			return nil, a.giveUp(err)
		}
		answers[n] = v
	}
	return answers, nil
}

// ask gives the account's password, a new one if the last was wrong.
func (a *authenticator) ask(t *attempts, what string) (string, error) {
	defer a.pause()()
	prompt := fmt.Sprintf("%s for %s (%s): ", what, a.account(), a.node)
	if t.last != nil {
		prompt = "wrong; " + prompt
	}
	v, err := a.secret().Get(a.ctx, t.last, func() (string, error) { return a.dialer.Operator.Secret(a.ctx, prompt) })
	if err != nil {
		return "", a.giveUp(err)
	}
	t.last = &v
	return v, nil
}

func (a *authenticator) giveUp(err error) error {
	a.gaveUp = err
	return err
}

func (a *authenticator) secret() *ask.Secret {
	return a.dialer.Operator.Passwords.Of("ssh " + a.account())
}

func (a *authenticator) account() string { return a.config.User + "@" + a.config.Addr() }

// failure makes an AuthError of a handshake that the host ended.
func (a *authenticator) failure(err error) *AuthError {
	for _, t := range []*attempts{&a.kbd, &a.password} {
		if t.last != nil {
			a.secret().Forget(a.ctx, *t.last)
		}
	}
	if a.gaveUp != nil && !errors.Is(err, a.gaveUp) {
		err = a.gaveUp
	}
	return &AuthError{
		Node: a.node, Host: a.config.Addr(), User: a.config.User,
		Login: a.config.Login(), Tried: a.tried, Skipped: a.ids.skipped, Accepts: a.accepted, Err: err,
	}
}
