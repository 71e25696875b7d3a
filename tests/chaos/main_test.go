// Package chaos lets things go wrong at random while flakeops deploys real hosts,
// and checks that its promise holds: a host keeps the system it had or a confirmed
// one, its operator is told the truth, and nothing is left behind. What a round
// does follows from its seed.
package chaos

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"flakeops/tests/lab/host"
	"flakeops/tests/trial"
)

var (
	binary string // the flakeops under test; TestMain builds it

	spend  = flag.Duration("for", 0, "let rounds of random seeds go on for so long")
	first  = flag.Uint64("seed", 0, "first seed of the random rounds (0: by the clock)")
	rounds = flag.Int("rounds", 0, "number of random rounds (0: as many as fit into -for)")
	labs   = flag.Int("labs", 1, "labs for the random rounds, of six hosts each")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx := context.Background()
	if err := host.Ensure(ctx, zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr})); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "flakeops-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = trial.Build(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// clock is a seed for those who gave none.
func clock() uint64 { return uint64(time.Now().Unix()) }
