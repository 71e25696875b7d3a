# `make test` is all that has to pass. It needs Go, git, a Debian machine and
# root; `make setup` installs what else the lab hosts need.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
UNIT = $(shell go list ./... | grep -v '^flakeops/tests')

.PHONY: build test demo bench chaos lint setup unit e2e clean

# Static, because the same file runs on hosts that have no libc where it looks for one.
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X flakeops/internal/cli.version=$(VERSION)' -o flakeops .

test: setup lint unit e2e

setup:
	go run ./tests/lab setup
	command -v cc >/dev/null || apt-get install -qy --no-install-recommends gcc libc6-dev

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(GOLANGCI) run ./...

# -race needs cgo, which the binary itself does without.
unit:
	CGO_ENABLED=1 go test -race -count=1 -timeout 10m $(UNIT)

e2e: build
	go test ./tests/... -count=1 -timeout 30m

demo: setup build
	go run ./tests/demo

bench: setup build
	go run ./tests/bench
	go test ./tests/flakes -run '^$$' -bench FlakeCheck -benchtime 1x

# Rounds of random faults: make chaos FOR=10m, SEED=1 to begin with that one, ROUNDS=1 for so many.
FOR = 10m
SEED = 0
ROUNDS = 0
LABS = 1
chaos: setup
	go test ./tests/chaos -run TestRandom -v -count=1 -timeout 0 -for $(FOR) -seed $(SEED) -rounds $(ROUNDS) -labs $(LABS)

clean:
	rm -f flakeops
