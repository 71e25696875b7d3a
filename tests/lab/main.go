// Command lab boots throw-away hosts by hand: `go run ./tests/lab up`, and
// `go run ./tests/lab down` when done. Several labs can be up side by side, each
// with a name of its own: `up --lab NAME`, and --lab or FLAKEOPS_LAB says which
// one is meant from then on. The package host says what hosts are.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
)

// which of the labs is meant.
type which struct {
	Lab string `placeholder:"NAME" env:"FLAKEOPS_LAB" help:"Which lab, if several are up side by side; up calls it lab unless said."`
}

type grammar struct {
	which

	Setup    setupCmd    `cmd:"" help:"Install what a lab needs on this machine and build the hosts' root file systems."`
	Up       upCmd       `cmd:"" help:"Boot hosts that stay up until they are taken down."`
	Down     downCmd     `cmd:"" help:"Take a lab's hosts down and remove everything of them."`
	Status   statusCmd   `cmd:"" help:"List the hosts of all labs."`
	SSH      sshCmd      `cmd:"" name:"ssh" help:"Log in to a host, or run a command on it."`
	Cut      cutCmd      `cmd:"" help:"Take a host's link down."`
	Heal     healCmd     `cmd:"" help:"Bring a host's link up again."`
	PowerCut powerCutCmd `cmd:"" help:"Cut a host's power and boot it again."`
	Reboot   rebootCmd   `cmd:"" help:"Reboot a host."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, PartsExclude: []string{zerolog.TimestampFieldName}})
	var g grammar
	k := kong.Parse(&g, kong.Name("lab"), kong.Description("Throw-away hosts to deploy to."), kong.UsageOnError())
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(log, g.which)
	k.FatalIfErrorf(k.Run())
}
