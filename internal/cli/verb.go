package cli

import (
	"context"
	"errors"

	"flakeops/internal/ui"
)

// pipelineFlags are the flags of the verbs that run the pipeline.
type pipelineFlags struct {
	selection
	pace
	reach
	nixFlags
	answer
}

// pipeline runs one verb that takes nodes through the pipeline, and reports.
func (s *session) pipeline(ctx context.Context, flags pipelineFlags, todo plan) error {
	if flags.Parallel < 1 && todo.through > throughBuild {
		return usagef("--parallel takes at least 1")
	}
	u, log := s.open(flags.JSON)
	defer u.Close()
	todo.parallel, todo.keepGoing, todo.skipUnreachable = flags.Parallel, flags.KeepGoing, flags.SkipUnreachable
	todo.from = flags.From

	fl, err := openFleet(ctx, flags.selection, flags.nix(log), u)
	var p *pipeline
	if err == nil {
		p, err = fl.run(ctx, todo, u, log)
	}
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	code := p.worst(ctx)
	s.summarise(u, p.jobSummary(code))
	tell := (*pipeline).report
	if todo.tell != nil {
		tell = todo.tell
	}
	return ending(code, tell(p, u, code))
}

// ending ends the process with a run's exit code. That its results could not be
// written does not make a worse code better.
func ending(code int, written error) error {
	switch {
	case written != nil:
		return &exitStatus{worse(code, exitOther), written}
	case code != ExitDone:
		return &exitStatus{code, nil}
	}
	return nil
}

// errorDocument is the answer of a verb that failed as a whole.
type errorDocument struct {
	Version  int    `json:"version"`
	Error    string `json:"error"`
	ExitCode int    `json:"exitCode"`
}

// refuse answers for a verb that failed before there was a node to report on.
func (s *session) refuse(u *ui.UI, err error) error {
	s.summarise(u, summary{code: exitCode(err), errors: []string{err.Error()}})
	return errors.Join(err, u.JSON(errorDocument{documentVersion, err.Error(), exitCode(err)}))
}
