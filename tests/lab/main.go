// Command lab boots throw-away hosts by hand: `go run ./tests/lab up`, and
// `go run ./tests/lab down` when done. The package host says what they are.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
)

type grammar struct {
	Setup    setupCmd    `cmd:"" help:"Install what a lab needs on this machine and build the hosts' root file systems."`
	Up       upCmd       `cmd:"" help:"Boot hosts that stay up until they are taken down."`
	Down     downCmd     `cmd:"" help:"Take all hosts down and remove everything of them."`
	Status   statusCmd   `cmd:"" help:"List the hosts."`
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
	k := kong.Parse(&grammar{}, kong.Name("lab"), kong.Description("Throw-away hosts to deploy to."), kong.UsageOnError())
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(log)
	k.FatalIfErrorf(k.Run())
}
