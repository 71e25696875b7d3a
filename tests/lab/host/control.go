package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a lab's supervisor can be asked for. One connection carries one request
// and its answer; closing it early gives the request up.
const (
	opNetwork = "network" // lay the router's end of the link to this machine
	opStart   = "start"   // make a host and boot it
	opSettle  = "settle"  // wait until a host has booted
	opShell   = "shell"   // run a script on a host
	opCopyIn  = "copy-in" // copy a file or directory to a host
	opCut     = "cut"     // take a host's link down
	opHeal    = "heal"    // and up again
	opOff     = "off"     // cut a host's power
	opOn      = "on"      // boot a host that is off
	opStatus  = "status"  // tell what there is
	opStop    = "stop"    // take everything down
)

type request struct {
	Op       string      `json:"op"`
	Host     string      `json:"host,omitempty"`
	Start    *machineDef `json:"start,omitempty"`
	Script   string      `json:"script,omitempty"`
	From     string      `json:"from,omitempty"`
	To       string      `json:"to,omitempty"`
	Previous string      `json:"previous,omitempty"` // settle: a boot ID not to be content with
}

type answer struct {
	Error  string         `json:"error,omitempty"`
	Stdout string         `json:"stdout,omitempty"`
	Stderr string         `json:"stderr,omitempty"`
	Code   int            `json:"code,omitempty"`   // of the script
	State  string         `json:"state,omitempty"`  // settle: as systemd names it
	Failed string         `json:"failed,omitempty"` // settle: units that failed
	Dir    string         `json:"dir,omitempty"`    // status: the lab's
	Hosts  []machineState `json:"hosts,omitempty"`
}

// machineDef is all that a supervisor needs to know to make a host.
type machineDef struct {
	Name     string   `json:"name"`
	Suite    string   `json:"suite"`
	Index    int      `json:"index"` // of its /30 in the lab's subnet
	DiskSize int64    `json:"diskSize"`
	Image    image    `json:"image"`
	Files    []file   `json:"files"`   // to write before the first boot
	Factory  []file   `json:"factory"` // the factory system, relative to its root
	Binds    []string `json:"binds"`
}

type file struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
	Text []byte `json:"text"`
}

type machineState struct {
	Name     string `json:"name"`
	Suite    string `json:"suite"`
	Index    int    `json:"index"`
	DiskSize int64  `json:"diskSize"`
	Factory  string `json:"factory"` // store path of its first system
	On       bool   `json:"on"`
	Cut      bool   `json:"cut"`
}

// ask sends one request to the lab of a slot.
func (s slot) ask(ctx context.Context, r request) (answer, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", s.address().Name)
	if err != nil {
		return answer{}, fmt.Errorf("lab %d does not answer: %w", s, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var a answer
	err = json.NewEncoder(conn).Encode(r)
	if err == nil {
		err = json.NewDecoder(conn).Decode(&a)
	}
	if ctx.Err() != nil {
		return answer{}, context.Cause(ctx)
	}
	if err != nil {
		return answer{}, fmt.Errorf("lab %d went away: %w", s, err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// serve answers the requests that come in on l until it is closed.
func serve(ctx context.Context, l *net.UnixListener, handle func(context.Context, request) answer) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if !fromRoot(conn) {
				return
			}
			var r request
			dec := json.NewDecoder(conn)
			if err := dec.Decode(&r); err != nil {
				return
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, conn) // ends when the asker goes
				cancel()
			}()
			_ = json.NewEncoder(conn).Encode(handle(ctx, r))
		}()
	}
}

// fromRoot says whether root asks: an abstract socket has no permissions.
func fromRoot(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	root := false
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		root = err == nil && cred.Uid == 0
	})
	return err == nil && root
}
