# `make test` is all that has to pass. It needs Go, git, make, a Debian machine
# and root; `make setup` installs what else there has to be. `make fresh` proves
# that on a machine that has nothing more.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRCHECK := github.com/kisielk/errcheck@v1.30.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
CYCLONEDX := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
UNIT = $(shell go list ./... | grep -v '^flakeops/tests')

# Static, because the same file runs on hosts that have no libc where it looks
# for one. One way to compile for all, so that each package is compiled once.
export CGO_ENABLED = 0
export GOFLAGS := $(shell go env GOFLAGS) -trimpath

# In the parts of the test only those programs are found that setup brings, on
# whatever machine.
BROUGHT := env PATH=$(CURDIR)/.cache/programs

.PHONY: build test demo bench chaos lint setup unit e2e fresh release vulnerabilities clean

build:
	go build -ldflags '-s -w -X flakeops/internal/cli.version=$(VERSION)' -o flakeops .
	for cpu in x86_64=amd64 aarch64=arm64; do \
		GOOS=linux GOARCH=$${cpu#*=} go build -buildvcs=false -ldflags '-s -w -buildid=' \
			-o libexec/flakeops/flakeops-$${cpu%=*}-linux ./activate/agent/flakeops-agent || exit 1; \
	done

# At the same time, since one part computes while another waits.
test:
	$(MAKE) -j4 setup lint unit e2e

# Says at its end how long the part took.
timed = @began=$$(date +%s); { $(1); } && echo "$@: $$(($$(date +%s) - began)) s"

setup:
	$(call timed,go run ./tests/lab setup --programs .cache/programs)

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	$(call timed,go vet ./... && go run $(STATICCHECK) -checks $(CHECKS) ./... && go run $(ERRCHECK) $(UNCHECKED) ./...)

CHECKS := all,-ST1000,-ST1003,-QF1001,-QF1008
# What is written to a terminal, and what is closed or removed while giving up.
UNCHECKED := -ignoretests -ignore '^([cC]lose|Flush|Remove|RemoveAll|Fprint.*)$$'

# -race needs cgo, which the binary itself does without. Lint has vetted all.
unit: setup
	$(call timed,CGO_ENABLED=1 $(BROUGHT) go test -vet=off -race -count=1 -timeout 10m $(UNIT))

e2e: setup
	$(call timed,$(BROUGHT) go test -vet=off ./tests/... -count=1 -parallel 6 -timeout 30m)

demo: setup build
	$(BROUGHT) go run ./tests/demo

bench: setup build
	$(BROUGHT) go run ./tests/bench
	$(BROUGHT) go test ./tests/flakes -run '^$$' -bench FlakeCheck -benchtime 1x

fresh: setup
	tests/fresh/run.sh

# Rounds of random faults: make chaos FOR=10m, SEED=1 to begin with that one, ROUNDS=1 for so many.
FOR = 10m
SEED = 0
ROUNDS = 0
LABS = 1
chaos: setup
	$(BROUGHT) go test ./tests/chaos -run TestRandom -v -count=1 -timeout 0 -for $(FOR) -seed $(SEED) -rounds $(ROUNDS) -labs $(LABS)

# What is published of a version: for each platform that the operator may have, the
# program with the agents beside it, where it looks for them.
PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64
RELEASE := .cache/release
release: build
	rm -rf $(RELEASE) && mkdir -p $(RELEASE)
	for p in $(PLATFORMS); do \
		dir=$(RELEASE)/flakeops-$(VERSION)-$$p; \
		mkdir -p $$dir/bin && cp -R libexec LICENSE README.md $$dir/ && \
		GOOS=$${p%-*} GOARCH=$${p#*-} go build -ldflags '-s -w -X flakeops/internal/cli.version=$(VERSION)' -o $$dir/bin/flakeops . && \
		tar -C $(RELEASE) --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$(git log -1 --format=%ct) \
			-czf $$dir.tar.gz $${dir##*/} && rm -r $$dir || exit 1; \
	done
	go run $(CYCLONEDX) mod -json -output $(RELEASE)/flakeops-$(VERSION).cdx.json
	cd $(RELEASE) && sha256sum * >SHA256SUMS

# Asks the Go project's database of vulnerabilities, so it needs the network.
vulnerabilities:
	go run $(GOVULNCHECK) ./...

clean:
	rm -rf flakeops libexec
