package auth

import (
	"io"
	"slices"

	"golang.org/x/crypto/ssh"
)

// signer is a key that can be offered before it is known whether, and how, its
// private half can be had.
type signer struct {
	pub  ssh.PublicKey
	algs []string
	sign func(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error)
}

func (s *signer) PublicKey() ssh.PublicKey { return s.pub }
func (s *signer) Algorithms() []string     { return s.algs }

func (s *signer) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.sign(rand, data, s.algs[0])
}

func (s *signer) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return s.sign(rand, data, algorithm)
}

// signAs signs with the algorithm if the signer has a choice.
func signAs(s ssh.Signer, rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if as, ok := s.(ssh.AlgorithmSigner); ok {
		return as.SignWithAlgorithm(rand, data, algorithm)
	}
	return s.Sign(rand, data)
}

// signatureAlgorithms lists what a key signs with, in order of preference, as
// far as PubkeyAcceptedAlgorithms (accepted) allows; a certificate is allowed
// by its own names there. Empty: the key must not be offered.
func signatureAlgorithms(pub ssh.PublicKey, accepted []string) []string {
	plain, suffix := pub, ""
	if cert, ok := pub.(*ssh.Certificate); ok {
		plain, suffix = cert.Key, "-cert-v01@openssh.com"
	}
	algs := []string{plain.Type()}
	if plain.Type() == ssh.KeyAlgoRSA {
		algs = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		if slices.Contains(accepted, ssh.KeyAlgoRSA+suffix) {
			algs = append(algs, ssh.KeyAlgoRSA)
		}
	}
	if len(accepted) == 0 {
		return algs
	}
	return slices.DeleteFunc(algs, func(a string) bool {
		switch a { // the names of security keys' certificates are built differently
		case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
			return !slices.Contains(accepted, pub.Type())
		}
		return !slices.Contains(accepted, a+suffix)
	})
}
