package auth

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"flakeops/internal/remote/ask"

	"golang.org/x/crypto/ssh"
)

const passphraseTries = 3

// Keyring holds the private keys that were opened, so that each file's
// passphrase is asked for once at most.
type Keyring struct {
	mu   sync.Mutex
	open map[string]*openKey
}

type openKey struct {
	turn   ask.Turn
	signer ssh.Signer
	failed error
}

func (r *Keyring) of(path string) *openKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[string]*openKey)
	}
	if r.open[path] == nil {
		r.open[path] = &openKey{}
	}
	return r.open[path]
}

// keyFile is what one IdentityFile holds, without its passphrase.
type keyFile struct {
	path    string
	pub     ssh.PublicKey // nil: known only once the file is decrypted
	signer  ssh.Signer    // nil: encrypted, or there is only a public key
	locked  bool          // wants a passphrase
	useless error         // why only an agent can sign, if neither signer nor locked is set
}

// Why a private half cannot be used here.
var (
	errPublicOnly  = errors.New("only the public half of it is here")
	errSecurityKey = errors.New("a security key works through ssh-agent only")
)

// readKeyFile reads a private key, or the public half of a key that is held by
// an agent or a security key; that half may also be all there is, beside the
// path. An error says why the file is of no use.
func readKeyFile(path string) (*keyFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if pub := publicHalf(path + ".pub"); pub != nil {
			return &keyFile{path: path, pub: pub, useless: errPublicOnly}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &keyFile{path: path}
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		f.pub, f.useless = pub, errPublicOnly
		return f, nil
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("its permissions %#o let others read it", info.Mode().Perm())
	}
	signer, err := ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	switch {
	case err == nil:
		f.signer, f.pub = signer, signer.PublicKey()
		return f, nil
	case errors.As(err, &missing):
		f.locked, f.pub = true, missing.PublicKey
	default:
		f.useless = fmt.Errorf("its private half cannot be read here (%w)", err)
	}
	if f.pub == nil {
		f.pub = publicHalf(path + ".pub")
	}
	switch {
	case f.pub == nil && f.useless != nil:
		return nil, f.useless
	case f.pub != nil && strings.HasPrefix(f.pub.Type(), "sk-"):
		f.locked, f.useless = false, errSecurityKey
	}
	return f, nil
}

// publicHalf reads a .pub file; nil if there is none.
func publicHalf(path string) ssh.PublicKey {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return pub
}

// unlock gives the private key, asking for the passphrase if it must. After
// three wrong answers the file is not asked about again.
func (r *Keyring) unlock(ctx context.Context, o *ask.Operator, f *keyFile, batch bool) (ssh.Signer, error) {
	if f.signer != nil {
		return f.signer, nil
	}
	k := r.of(f.path)
	if err := k.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer k.turn.Give()
	if k.signer != nil || k.failed != nil {
		return k.signer, k.failed
	}
	if batch {
		return nil, errors.New("it has a passphrase, and BatchMode forbids to ask for it")
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	prompt := fmt.Sprintf("passphrase for %s: ", f.path)
	for range passphraseTries {
		phrase, err := o.Secret(ctx, prompt)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("it has a passphrase, and %w", err)
		}
		k.signer, err = ssh.ParsePrivateKeyWithPassphrase(data, []byte(phrase))
		if err == nil {
			return k.signer, nil
		}
		if !wrongPassphrase(err) {
			k.failed = fmt.Errorf("it cannot be decrypted here (%w)", err)
			return nil, k.failed
		}
		prompt = fmt.Sprintf("wrong; passphrase for %s: ", f.path)
	}
	k.failed = fmt.Errorf("wrong passphrase, %d times", passphraseTries)
	return nil, k.failed
}

// wrongPassphrase tells a wrong passphrase from a key that none would open. The
// old PEM format has no check of its own: what was decrypted wrongly shows in
// its syntax, if the padding happens to be right.
func wrongPassphrase(err error) bool {
	var syntax asn1.SyntaxError
	return errors.Is(err, x509.IncorrectPasswordError) || errors.As(err, &syntax)
}
