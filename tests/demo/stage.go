package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// The hosts differ in their releases of Debian, systemd and Nix.
const (
	webSuite = "bookworm"
	dbSuite  = "sid"
)

// stage is where the demo happens: two hosts, and a directory that holds the
// fleet's flake and an operator's home.
type stage struct {
	*show
	program string
	dir     string
	lab     *host.Lab
	web, db *host.Host
	nodes   map[string]flakes.Node
}

func newStage(s *show, program string) (*stage, error) {
	dir, err := os.MkdirTemp("", "flakeops-demo-")
	if err != nil {
		return nil, err
	}
	st := &stage{show: s, program: program, dir: dir, nodes: map[string]flakes.Node{}}
	for _, name := range []string{"bin", "home", "run"} {
		err = errors.Join(err, os.Mkdir(st.path(name), 0o700))
	}
	// What is typed is `flakeops`, wherever the program is.
	err = errors.Join(err, os.Symlink(program, st.path("bin/flakeops")))
	if err != nil {
		return nil, errors.Join(err, st.clear())
	}
	return st, nil
}

func (st *stage) path(name string) string { return filepath.Join(st.dir, name) }

// boot starts the hosts.
func (st *stage) boot(ctx context.Context) error {
	st.heading("Booting two hosts")
	var err error
	if st.lab, err = host.New(ctx, ""); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		st.web, err = st.lab.Start(groupCtx, host.Options{Name: "web", Suite: webSuite})
		return err
	})
	group.Go(func() (err error) {
		st.db, err = st.lab.Start(groupCtx, host.Options{Name: "db", Suite: dbSuite})
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for _, h := range []*host.Host{st.web, st.db} {
		about, err := h.Shell(ctx, "nix --version; systemctl --version")
		if err != nil {
			return err
		}
		st.say(fmt.Sprintf("%-3s at %s, Debian %s: %s", h.Name, h.Addr(), h.Suite, strings.Join(strings.SplitN(about, "\n", 3)[:2], ", ")))
	}
	return os.Symlink(st.lab.SSHConfig(), st.path("ssh_config"))
}

// play shows everything, up to the first thing that could not be shown at all.
func (st *stage) play(ctx context.Context) error {
	for _, act := range []func(context.Context) error{
		st.boot, st.deploy, st.again, st.cutOff, st.repair,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clear takes everything down.
func (st *stage) clear() error {
	var err error
	if st.lab != nil {
		st.heading("Taking everything down")
		err = st.lab.Close()
		if err == nil {
			st.say("Both hosts are gone, and all that was theirs.")
		}
	}
	return errors.Join(err, os.RemoveAll(st.dir))
}

// write puts the nodes into the flake.
func (st *stage) write() error { return flakes.Write(st.path("fleet"), st.nodes) }

// patience bounds every command.
const patience = 3 * time.Minute

// typed runs a command line as if it had been typed, and returns its exit code.
// Its words hold nothing that a shell would change.
func (st *stage) typed(ctx context.Context, plain bool, line string) (int, error) {
	st.command(line)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	words := strings.Fields(line)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.Env = st.dir, st.env()
	if words[0] == "flakeops" {
		cmd.Path, cmd.Err = st.program, nil
	}
	cmd.Stdout, cmd.Stderr = st.stdout, st.stderr
	if plain {
		// Not a terminal: then it writes lines, between which others can stand.
		cmd.Stderr = pipe{st.stderr}
	}
	// Out of the terminal's reach, so that a Ctrl-C comes once, from here.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	if err != nil {
		return -1, fmt.Errorf("%s: %w", words[0], err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// pipe hides that a file is one.
type pipe struct{ f *os.File }

func (p pipe) Write(b []byte) (int, error) { return p.f.Write(b) }

func (st *stage) env() []string {
	return append([]string{
		"PATH=" + st.path("bin") + ":" + os.Getenv("PATH"),
		"HOME=" + st.path("home"),
		"XDG_RUNTIME_DIR=" + st.path("run"),
		"NIX_SSHOPTS=-F " + st.path("ssh_config"),
		"TERM=" + os.Getenv("TERM"),
		"LANG=C.UTF-8",
	}, host.NixEnv()...)
}
