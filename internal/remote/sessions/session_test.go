package sessions

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"flakeops/internal/fault"
	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
)

// refusing is a connection to a host that opens no session.
func refusing(t *testing.T) *Conn {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	key, err := ssh.NewSignerFromKey(private)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		conn, err := listener.Accept()
		_ = listener.Close()
		if err != nil {
			return
		}
		config := &ssh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(key)
		_, channels, requests, err := ssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for c := range channels {
			_ = c.Reject(ssh.ResourceShortage, "open failed")
		}
	}()
	client, err := ssh.Dial("tcp", listener.Addr().String(), &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(key.PublicKey())})
	must(t, err)
	c := New(Line{
		Client: client, HangUp: func() { _ = client.Close() }, Heard: func() int64 { return 0 },
		Host: "h", User: "root", Alive: time.Hour,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What sshd refuses for good is said as something that never began.
func TestASessionThatIsRefusedDidNotStart(t *testing.T) {
	c := refusing(t)
	c.patience = 50 * time.Millisecond
	for _, stdin := range []io.Reader{nil, strings.NewReader("never")} {
		_, err := c.Run(t.Context(), run.Command{Argv: []string{"cat"}, Stdin: stdin})
		var se *SessionError
		var refused *ssh.OpenChannelError
		var never *run.NotStartedError
		if !errors.As(err, &se) || !errors.As(err, &refused) || !errors.As(err, &never) {
			t.Fatalf("error %#v", err)
		}
		if !strings.Contains(err.Error(), "opens no session") || !strings.Contains(fault.Hint(err), "MaxSessions") {
			t.Errorf("%v; %s", err, fault.Hint(err))
		}
	}
}

// The link may show its loss in many ways, and the reader of the connection be
// behind: whatever ends a session without an exit status is a lost connection.
func TestWhateverEndsASessionWithoutAStatusIsALoss(t *testing.T) {
	c := refusing(t)
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, errors.New("ssh: disconnect, reason 2"), fmt.Errorf("wait: %w", io.EOF)} {
		var lost *LostError
		if got := c.lost(err); !errors.As(got, &lost) || lost.Host != "h" {
			t.Errorf("%v became %v", err, got)
		}
	}
}
