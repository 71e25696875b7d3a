package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/rs/zerolog"

	"flakeops/internal/run"
)

// packages are the Debian packages that a machine needs for all that is in this
// project: to build and test it, for a lab, and for a deployer beside it. Only
// Go is not among them. The tests find no program that these do not bring:
// Programs sees to it.
func packages() []string {
	return []string{
		"busybox", "ca-certificates", "debian-archive-keyring", "diffutils", "gcc", "git", "iproute2", "libc6-dev", "make", "mmdebstrap",
		"nftables", "nix-bin", "openssh-client", "openssh-server", "sudo", "systemd-container", "util-linux",
	}
}

// Ensure installs the Debian packages the lab needs, prepares this machine's
// Nix store and builds the root file systems that are missing, all suites of
// them unless some are named. It is quick when there is nothing to do. Several
// processes can call it at once.
func Ensure(ctx context.Context, log zerolog.Logger, suites ...string) error {
	if os.Geteuid() != 0 {
		return errors.New("a lab needs root: run this as root")
	}
	if err := ensurePackages(ctx, log); err != nil {
		return err
	}
	if _, err := (run.Local{}).Run(ctx, run.Command{Argv: []string{"nix-store", "--init"}, Env: NixEnv()}); err != nil {
		return fmt.Errorf("preparing this machine's nix store: %w", err)
	}
	if len(suites) == 0 {
		suites = Suites()
	}
	return ensureImages(ctx, log, suites)
}

func ensurePackages(ctx context.Context, log zerolog.Logger) error {
	missing, err := missingPackages(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	log.Info().Strs("packages", missing).Msg("installing Debian packages that the lab needs")
	env := []string{"DEBIAN_FRONTEND=noninteractive", rootPath()}
	apt := func(args ...string) error {
		argv := append([]string{"apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"}, args...)
		_, err := run.Local{}.Run(ctx, run.Command{Argv: argv, Env: env})
		return err
	}
	if err := apt("update"); err != nil {
		// A source that has nothing to do with the lab may be out of order.
		log.Warn().Err(err).Msg("apt-get update failed, trying to install nevertheless")
	}
	if err := apt(append([]string{"install", "-y", "--no-install-recommends"}, missing...)...); err != nil {
		return fmt.Errorf("installing %s: %w", strings.Join(missing, " "), err)
	}
	return nil
}

// missingPackages asks dpkg, not PATH: a program may be there by other means
// than the package, but then the package does no harm.
func missingPackages(ctx context.Context) ([]string, error) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		return nil, fmt.Errorf("a lab needs a Debian machine: %w", err)
	}
	argv := append([]string{"dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"}, packages()...)
	out, err := run.Output(ctx, run.Local{}, run.Command{Argv: argv})
	var failed *run.Error
	if err != nil && !(errors.As(err, &failed) && failed.Code == 1) { // 1: some are unknown
		return nil, fmt.Errorf("asking which packages are installed: %w", err)
	}
	installed := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), " installed"); ok {
			installed[name] = true
		}
	}
	var missing []string
	for _, p := range packages() {
		if !installed[p] {
			missing = append(missing, p)
		}
	}
	return missing, nil
}
