package host

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyPair is a key in the form OpenSSH keeps it.
type keyPair struct {
	Private []byte // a PEM block
	Public  string // one line, without a comment and without a line's end
}

func newKeyPair(private crypto.Signer) (keyPair, error) {
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return keyPair{}, fmt.Errorf("writing a key: %w", err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return keyPair{}, fmt.Errorf("writing a key: %w", err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	return keyPair{Private: pem.EncodeToMemory(block), Public: line}, nil
}

func newEd25519() (keyPair, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyPair{}, fmt.Errorf("making a key: %w", err)
	}
	return newKeyPair(private)
}

func newECDSA() (keyPair, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, fmt.Errorf("making a key: %w", err)
	}
	return newKeyPair(private)
}

// identity is what tells one host from another: the files that are its own, and
// the public keys it will show.
func identity(name, client string) (files []file, public []string, err error) {
	for kind, make := range map[string]func() (keyPair, error){"ed25519": newEd25519, "ecdsa": newECDSA} {
		pair, err := make()
		if err != nil {
			return nil, nil, err
		}
		path := "/etc/ssh/ssh_host_" + kind + "_key"
		files = append(files,
			file{Path: path, Mode: 0o600, Text: pair.Private},
			file{Path: path + ".pub", Mode: 0o644, Text: []byte(pair.Public + "\n")})
		public = append(public, pair.Public)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	files = append(files,
		file{Path: "/etc/hostname", Mode: 0o644, Text: []byte(name + "\n")},
		file{Path: "/etc/machine-id", Mode: 0o444, Text: []byte(hex.EncodeToString(id) + "\n")},
		file{Path: "/etc/ssh/lab_authorized_keys", Mode: 0o644, Text: []byte(client + "\n")})
	return files, public, nil
}
