package remote

import (
	"net"

	"golang.org/x/sys/unix"
)

// acknowledger returns a function that has the kernel acknowledge at once what
// conn has received; nil where conn is not a TCP connection of this process.
//
// sshd leaves Nagle's algorithm on for sessions without a terminal: a small
// packet of its waits until the one before it is acknowledged. The kernel here
// delays that by 40 ms in the hope of an answer to send it with, and it does so
// in every login. It has to be asked again after each read.
func acknowledger(conn net.Conn) func() {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return func() {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
}
