package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"flakeops/flake/nix"
	"flakeops/flake/store"
	"flakeops/internal/remote"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

const (
	keyCount = 200
	keySize  = 1 << 10 // bytes
	keysBar  = 1.5
)

// keys compares sending many keys, from the handshake to the host's answer that
// they are in their places, with bringing the same bytes there by ssh and cat.
func (b *bench) keys(ctx context.Context, r *report) error {
	to := b.hosts[0].Name
	agent, err := b.agent(ctx)
	if err != nil {
		return err
	}
	dialer := &remote.Dialer{Extra: []string{"-F", b.lab.SSHConfig()}}
	p := pairs{what: fmt.Sprintf("%d keys of %d bytes / ssh HOST cat of the same bytes", keyCount, keySize), bar: keysBar}
	for round := range 2 * b.Rounds {
		fmt.Fprintf(b.progress, "keys: round %d of %d\n", round+1, 2*b.Rounds)
		values, all, err := someKeys()
		if err != nil {
			return err
		}
		var took [2]time.Duration
		for _, i := range []int{round % 2, 1 - round%2} {
			began := time.Now()
			if i == 0 {
				err = sendKeys(ctx, dialer, to, agent, values)
			} else {
				cat := exec.CommandContext(ctx, "ssh", "-F", b.lab.SSHConfig(), to, "cat >/dev/null")
				cat.Stdin = bytes.NewReader(all)
				err = cat.Run()
			}
			if err != nil {
				return err
			}
			took[i] = time.Since(began)
		}
		p.add(took)
	}
	r.pairs = append(r.pairs, p)
	return nil
}

// agent is the store path of the agent that the deployments have brought to the hosts.
func (b *bench) agent(ctx context.Context) (string, error) {
	file := filepath.Join(filepath.Dir(b.Flakeops), "libexec", "flakeops", "flakeops-"+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+"-linux")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		file = b.Flakeops // which is an agent, too
	}
	return store.Local{Programs: &nix.Programs{Runner: withEnv{b.env()}}}.Add(ctx, file)
}

func sendKeys(ctx context.Context, d *remote.Dialer, to, agent string, values []keys.Value) error {
	conn, err := d.Dial(ctx, resolve.Target{Node: to, Host: to})
	if err != nil {
		return err
	}
	defer conn.Close()
	reply, err := keys.Send(ctx, conn.Root(), agent, keys.Compose(message.Full, values))
	if err == nil && len(reply.Changed) != keyCount {
		err = fmt.Errorf("%d keys were changed on %s, not %d", len(reply.Changed), to, keyCount)
	}
	return err
}

// someKeys are keys with new values, and the values one after the other.
func someKeys() (values []keys.Value, all []byte, err error) {
	all = make([]byte, keyCount*keySize)
	if _, err := rand.Read(all); err != nil {
		return nil, nil, err
	}
	for i := range keyCount {
		name := fmt.Sprintf("key-%03d", i)
		values = append(values, keys.Value{
			Key: settings.Key{
				Attr: name, Name: name, DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400,
				UploadAt: settings.PreActivation, HasText: true, Timeout: 60,
			},
			Secret: keys.NewSecret(all[i*keySize : (i+1)*keySize]),
		})
	}
	return values, all, nil
}
