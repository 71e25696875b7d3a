package chaos

import (
	_ "embed" // the seeds that failed once
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fixed is how many seeds, from 1 on, are tried by every run of the tests.
const fixed = 40

// workers is how many rounds a lab has at once.
const workers = 3

//go:embed failed.txt
var failed string

// TestSeeds tries the same seeds each time, and all that ever failed.
func TestSeeds(t *testing.T) {
	if *spend > 0 || *rounds > 0 {
		t.Skip("random rounds are wanted")
	}
	t.Parallel()
	var seeds []uint64
	for seed := range uint64(fixed) {
		seeds = append(seeds, seed+1)
	}
	for line := range strings.Lines(failed) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" || word == "#" {
			continue
		}
		seed, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, seed)
	}
	next := make(chan uint64, len(seeds))
	for _, seed := range seeds {
		next <- seed
	}
	close(next)
	play(t, next, 1)
}

// TestRandom tries seeds that nobody has tried, for as long as it is told to.
func TestRandom(t *testing.T) {
	if *spend == 0 && *rounds == 0 {
		t.Skip("neither -for nor -rounds was given: see make chaos")
	}
	if *first == 0 {
		*first = clock()
	}
	next := make(chan uint64)
	go func() {
		defer close(next)
		end := time.Now().Add(*spend)
		for seed := *first; (*rounds == 0 || seed < *first+uint64(*rounds)) && (*spend == 0 || time.Now().Before(end)); seed++ {
			next <- seed
		}
	}()
	play(t, next, *labs)
}

// play tries the seeds that come, in some labs at once.
func play(t *testing.T, seeds <-chan uint64, labs int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	done, broken := 0, []uint64{}
	for range labs {
		wg.Go(func() {
			p, err := newPool(t.Context(), t.TempDir())
			if err != nil {
				t.Errorf("making a lab: %v", err)
				return
			}
			defer func() {
				if err := p.close(); err != nil {
					t.Errorf("taking the lab down: %v", err)
				}
			}()
			var inLab sync.WaitGroup
			for range workers {
				inLab.Go(func() {
					for seed := range seeds {
						ok := try(t, p, seed)
						mu.Lock()
						done++
						if !ok {
							broken = append(broken, seed)
						}
						mu.Unlock()
					}
				})
			}
			inLab.Wait()
		})
	}
	wg.Wait()
	t.Logf("%d rounds, %d of them with a broken promise: %v", done, len(broken), broken)
}

// try plays one round and reports what is wrong with it.
func try(t *testing.T, p *pool, seed uint64) bool {
	t.Helper()
	began := time.Now()
	r := newRound(p, draw(seed))
	r.play(t.Context())
	took := time.Since(began).Round(100 * time.Millisecond)
	r.log(took)
	if len(r.broken) == 0 {
		return true
	}
	t.Error(r.report())
	return false
}

// log adds a line on the round to the file of $CHAOS_LOG, if that is set.
func (r *round) log(took time.Duration) {
	name := os.Getenv("CHAOS_LOG")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	word := "ok"
	if len(r.broken) > 0 {
		word = "BROKEN " + strings.Join(r.broken, " | ")
	}
	_, _ = f.WriteString(time.Now().Format("15:04:05 ") + strings.ReplaceAll(r.plan.String(), "\n ", ";") + " -- " + r.codes() + ", " + took.String() + ": " + word + "\n")
}
