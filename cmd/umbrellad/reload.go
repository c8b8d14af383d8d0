package main

import (
	"errors"

	"umbrella/internal/config"
)

// reloader returns a function that reads the settings again for a node that runs. A
// file that is gone since then is a problem, and does not mean the defaults. The
// function is for one goroutine.
func reloader(source config.Source) func() (*config.Config, error) {
	gone := func() bool { return errors.Is(source.Writable(), config.ErrNoFile) }
	there := !gone()
	return func() (*config.Config, error) {
		switch {
		case !gone():
			there = true
		case there:
			return nil, config.Problems{{
				File: source.Shown(), Reason: "it is gone, and the node runs by it", Allowed: "put a copy of it back",
			}}
		}
		return source.Load()
	}
}
