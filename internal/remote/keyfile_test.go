package remote

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// encrypt gives a key file a passphrase, in the way that ssh-keygen's options say.
func encrypt(t *testing.T, file, passphrase string, options ...string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", append(options, "-q", "-p", "-a", "1", "-N", passphrase, "-f", file)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// securityKey writes the two files that ssh-keygen -t ed25519-sk makes.
func securityKey(t *testing.T) (file string) {
	t.Helper()
	const kind, application = "sk-ssh-ed25519@openssh.com", "ssh:"
	var plain struct {
		Kind string
		Key  []byte
	}
	must(t, ssh.Unmarshal(newKey(t, "ed25519", "").pub().Marshal(), &plain))
	public := ssh.Marshal(struct {
		Kind        string
		Key         []byte
		Application string
	}{kind, plain.Key, application})
	private := ssh.Marshal(struct {
		Check1, Check2    uint32
		Kind              string
		Key               []byte
		Application       string
		Flags             byte
		Handle            string
		Reserved, Comment string
	}{7, 7, kind, plain.Key, application, 1, "handle", "", "test"})
	for n := byte(1); len(private)%8 != 0; n++ {
		private = append(private, n)
	}
	all := ssh.Marshal(struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public, Private      []byte
	}{"none", "none", "", 1, public, private})
	file = filepath.Join(t.TempDir(), "id_ed25519_sk")
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: append([]byte("openssh-key-v1\x00"), all...)})))
	pub, err := ssh.ParsePublicKey(public)
	must(t, err)
	write(t, file+".pub", string(ssh.MarshalAuthorizedKey(pub)))
	return file
}

func TestPublicHalfAloneChoosesAKeyOfTheAgent(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	write(t, k.file+".pub", k.line()+"\n")
	must(t, os.Remove(k.file))
	// IdentityFile names the private half, which is nowhere but in the agent.
	path := startAgent(t, agent.AddedKey{PrivateKey: k.raw})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityAgent "+path, "IdentityFile "+k.file)))

	for _, file := range []string{k.file, k.file + ".pub"} {
		e := authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+file)))
		contains(t, e.Error(), "not offered: "+file, "only the public half")
	}
}

func TestSecurityKeysWorkThroughTheAgentOnly(t *testing.T) {
	h, file := startSSHD(t, nil), securityKey(t)
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+file))
	p := &prompter{secrets: []string{"right"}}
	s.Operator.Prompt = p
	contains(t, authError(t, s).Error(), file, "security key")
	encrypt(t, file, "right")
	contains(t, authError(t, s).Error(), file, "security key")
	must(t, os.Remove(file+".pub"))
	contains(t, authError(t, s).Error(), file, "security key")
	if q := p.questions(); len(q) != 0 {
		t.Errorf("asked %q", q)
	}
}

func TestKeysThatNoPassphraseOpensHere(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	encrypt(t, k.file, "right", "-Z", "aes256-gcm@openssh.com")
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	p := &prompter{secrets: []string{"right", "right"}}
	s.Operator.Prompt = p
	contains(t, authError(t, s).Error(), k.file, "cannot be decrypted here", "aes256-gcm@openssh.com")
	contains(t, authError(t, s).Error(), "cannot be decrypted here")
	if q := p.questions(); len(q) != 1 {
		t.Errorf("asked %q", q)
	}

	k = newKey(t, "rsa", "")
	write(t, k.file+".pub", k.line()+"\n")
	encrypt(t, k.file, "right", "-m", "PKCS8")
	contains(t, authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))).Error(),
		k.file, "cannot be read here", "ENCRYPTED PRIVATE KEY")
}

func TestOldFormatsOfKeyFiles(t *testing.T) {
	k := newKey(t, "rsa", "")
	h := startSSHD(t, []key{k})
	encrypt(t, k.file, "right", "-m", "PEM")
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	s.Operator.Prompt = &prompter{secrets: []string{"wrong", "right"}}
	accepted(t, s)
}
