package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"flakeops/activate/wire"
)

// socketTimeout bounds one exchange on the confirm socket, whose two ends are
// on the same host.
const socketTimeout = 10 * time.Second

// serve answers tokens and aborts at a socket that only root can open.
func serve(name string, g *gate) (io.Closer, error) {
	_ = os.Remove(name)
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c, g)
		}
	}()
	return l, nil
}

func answer(c net.Conn, g *gate) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(socketTimeout))
	var a wire.Attach
	if json.NewDecoder(io.LimitReader(c, wire.MaxLine)).Decode(&a) != nil {
		return
	}
	reply := ""
	switch {
	case a.Abort:
		reply = g.abort()
	case a.Token != "":
		reply = g.present(a.Token)
	default:
		g.arrive()
	}
	_ = json.NewEncoder(c).Encode(wire.Event{Kind: wire.Reply, Reply: reply})
}

// ask takes a token or an abort to the deployment's main process. Without one
// to answer, it is too late.
func (a *agent) ask(req wire.Attach) (wire.Event, error) {
	late := wire.Event{Kind: wire.Reply, Reply: wire.TooLate}
	c, err := net.DialTimeout("unix", a.layout.socket(req.ID), socketTimeout)
	if err != nil {
		return late, nil
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(socketTimeout)); err != nil {
		return wire.Event{}, err
	}
	if err := json.NewEncoder(c).Encode(req); err != nil {
		return late, nil
	}
	var e wire.Event
	switch err := json.NewDecoder(io.LimitReader(c, wire.MaxLine)).Decode(&e); {
	case errors.Is(err, io.EOF):
		return late, nil // it ended with the question in its hands
	case err != nil:
		return wire.Event{}, fmt.Errorf("asking the deployment: %w", err)
	}
	return e, nil
}
