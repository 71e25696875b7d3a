package auth

import (
	"bytes"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// offerBuilder turns keys and certificates into offers, each once.
type offerBuilder struct {
	*Authenticator
	agent []heldKey
	files []*keyFile
	seen  map[string]bool
}

// held offers a key of the agent. Signing may mean that somebody has to touch
// a device, so the clock stands still.
func (b *offerBuilder) held(k heldKey) {
	b.offer(fmt.Sprintf("agent key %s %s", k.comment, ssh.FingerprintSHA256(k.pub)), k.pub, b.signHeld(k))
}

func (b *offerBuilder) signHeld(k heldKey) signFunc {
	return func(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
		defer b.Pause()()
		return signAs(k.Signer, rand, data, algorithm)
	}
}

// file offers a key file. A file whose public half is unknown is decrypted
// first; all others only once the host has said that it wants the key.
func (b *offerBuilder) file(f *keyFile) {
	if f.pub == nil {
		resume := b.Pause()
		s, err := b.Keys.unlock(b.ctx, b.Operator, f, b.Config.Batch)
		resume()
		if err != nil {
			b.skip(f.path, err)
			return
		}
		f = &keyFile{path: f.path, pub: s.PublicKey(), signer: s}
	}
	if f.useless != nil {
		if !b.seen[string(f.pub.Marshal())] { // unless the agent has it
			b.skip(f.path, f.useless)
		}
		return
	}
	b.offer(fmt.Sprintf("%s %s", f.path, ssh.FingerprintSHA256(f.pub)), f.pub, b.signFile(f))
}

func (b *offerBuilder) signFile(f *keyFile) signFunc {
	return func(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
		resume := b.Pause()
		s, err := b.Keys.unlock(b.ctx, b.Operator, f, b.Config.Batch)
		resume()
		if err != nil {
			b.skip(f.path, err)
			return nil, err
		}
		return signAs(s, rand, data, algorithm)
	}
}

// certificate offers the certificate in a file, signed for by whoever has its
// key: the agent, the file beside it, or another IdentityFile.
func (b *offerBuilder) certificate(path string, beside *keyFile) {
	cert, ok := publicHalf(path).(*ssh.Certificate)
	if !ok {
		if beside == nil {
			b.skip(path, fmt.Errorf("no certificate in it"))
		}
		return
	}
	name := fmt.Sprintf("certificate %s %s", path, ssh.FingerprintSHA256(cert.Key))
	if k := find(b.agent, cert.Key); k != nil {
		b.offer(name, cert, b.signHeld(*k))
		return
	}
	for _, f := range b.files {
		if f.useless == nil && (f == beside && f.pub == nil || f.pub != nil && bytes.Equal(f.pub.Marshal(), cert.Key.Marshal())) {
			b.offer(name, cert, b.signFile(f))
			return
		}
	}
	if beside == nil {
		b.skip(path, fmt.Errorf("its private key is neither in a file nor in the agent"))
	}
}

type signFunc func(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error)

func (b *offerBuilder) offer(name string, pub ssh.PublicKey, sign signFunc) {
	id := string(pub.Marshal())
	if b.seen[id] {
		return
	}
	b.seen[id] = true
	algs := signatureAlgorithms(pub, b.Config.PubkeyAlgs)
	if len(algs) == 0 {
		b.skip(name, fmt.Errorf("PubkeyAcceptedAlgorithms excludes %s", pub.Type()))
		return
	}
	b.offers = append(b.offers, offer{name, &signer{pub, algs, sign}})
}

func (b *offerBuilder) skip(what string, err error) {
	b.skipped = append(b.skipped, fmt.Sprintf("%s (%v)", what, cause(err)))
}
