package keys

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

// host answers as an agent would.
type host struct {
	out string
	err error
	got message.Message
	cmd run.Command
}

func (h *host) Run(_ context.Context, cmd run.Command) (run.Result, error) {
	h.cmd = cmd
	var err error
	if h.got, err = message.Decode(cmd.Stdin); err != nil {
		return run.Result{}, err
	}
	if _, err := io.WriteString(cmd.Stdout, h.out); err != nil {
		return run.Result{}, err
	}
	return run.Result{}, h.err
}

func TestSend(t *testing.T) {
	k := base("db")
	k.Name, k.RestartUnits, k.AllowPersistent, k.Mode, k.User = "db.pw", []string{"pg.service"}, true, 0o440, "pg"
	values := []Value{{Key: k, Secret: NewSecret([]byte("hunter2"))}}
	h := &host{out: `{"version":1,"changed":["db.pw"]}` + "\n"}
	reply, err := Send(t.Context(), h, "/nix/store/x-agent", Compose(message.Full, values))
	if err != nil || !reflect.DeepEqual(reply.Changed, []string{"db.pw"}) {
		t.Errorf("%+v, %v", reply, err)
	}
	if !reflect.DeepEqual(h.cmd.Argv, []string{"/nix/store/x-agent", "agent", "keys"}) || h.cmd.Env != nil {
		t.Errorf("ran %q with %q", h.cmd.Argv, h.cmd.Env)
	}
	got := h.got.Keys[0]
	if got.Path() != "/run/keys/db.pw" || got.User != "pg" || got.Group != "root" || got.Mode != 0o440 || !got.Persistent ||
		!reflect.DeepEqual(got.RestartUnits, k.RestartUnits) || string(got.Value.Reveal()) != "hunter2" || h.got.Mode != message.Full {
		t.Errorf("the host got %+v", h.got)
	}
	exit := &run.Error{Argv: []string{"agent"}, Code: 1}
	for _, c := range []struct {
		out   string
		err   error
		want  string
		reply bool
	}{
		{`{"version":1,"error":"user pg does not exist on the host"}`, exit, "installing keys: user pg does not exist on the host", true},
		{"", exit, "sending keys: agent: exit status 1", false},
		{"", nil, "sending keys: the host did not answer", false},
		{"bash: no such file", nil, "sending keys: the host's answer is not understood", false},
	} {
		h := &host{out: c.out, err: c.err}
		_, err := Send(t.Context(), h, "/agent", Compose(message.Full, values))
		var of *HostError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &of) != c.reply {
			t.Errorf("%q and %v: %v", c.out, c.err, err)
		}
	}
	if _, err := Send(t.Context(), h, "/agent", Compose(message.Full, []Value{{Key: k}})); err == nil || !strings.Contains(err.Error(), "db.pw is empty") {
		t.Errorf("an empty value: %v", err)
	}
}
