package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/memory"
	"umbrella/internal/node"
	"umbrella/internal/usage"
)

// run does what the command line says, and returns the exit code.
func run(args, environ []string, std stdio, signals <-chan os.Signal) int {
	in, err := parse(args)
	in.stdio, in.signals = std, signals
	if err != nil {
		return in.wrong(err)
	}
	in.source = config.Source{Dir: in.dir, Environ: environ, Original: in.original}
	if in.command.Bare || in.remote.url != "" {
		return in.run(in)
	}
	if in.cfg, err = in.source.Load(); err != nil {
		fmt.Fprintln(std.err, err)
		return usage.Settings
	}
	return in.run(in)
}

// serve runs the node.
func serve(in *invocation) int {
	d := &daemon{
		Version: version,
		Load:    reloader(in.source),
		NewNode: func(log *slog.Logger, reload func(context.Context) error) runner {
			system := memory.System{Files: os.DirFS("/")}
			limits := memory.Set(system, in.source.Environ, log)
			return &node.Node{
				Version: version, Log: log, Stderr: in.err, Memory: &memory.Admission{Read: system.Read, Log: log, LimitedBy: limits.Why},
				Source: in.source, Reload: reload, Retry: in.pause > 0,
			}
		},
		Stdout:      in.out,
		Stderr:      in.err,
		StopTimeout: 5 * time.Second,
		Pause:       in.pause,
	}
	return d.Run(in.cfg, in.signals)
}

// check says what is to be said about settings that are valid.
func check(in *invocation) int {
	for _, w := range in.cfg.Warnings {
		fmt.Fprintln(in.err, "warning:", w)
	}
	path := filepath.Join(in.dir, "umbrella")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return in.print(fmt.Sprintf("OK: there is no %s, and without it the settings are valid\n", path))
	}
	return in.print(fmt.Sprintf("OK: %s is valid\n", path))
}
