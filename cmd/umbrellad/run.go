package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/memory"
	"umbrella/internal/node"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailure  = 1 // it could not start, or not stop cleanly, or what was asked for is not to be had
	exitUsage    = 2 // the command line is wrong
	exitSettings = 3 // the settings are not valid
)

const help = `umbrellad is a WebRTC SFU: rooms of audio and video, cameras and trunks.

Usage:
  umbrellad [-config DIR]         run the node
  umbrellad [-config DIR] check   check the settings, and do nothing else
  umbrellad [-config DIR] trunks  print the trunks of the node that runs here
  umbrellad version               print the version
  umbrellad help                  print this text

Flags:
  -config DIR   directory of the UCI file 'umbrella' (default %s)
  -json         with trunks: print JSON
  -version      print the version
  -h, -help     print this text

Settings come from the UCI file, if there is one, and from UMBRELLA_* variables
over it, such as UMBRELLA_LISTEN and UMBRELLA_MEDIA_PORT.

Signals:
  SIGHUP            read the settings again and apply what has changed
  SIGTERM, SIGINT   end all calls and stop; a second one stops at once

Exit codes:
  0   stopped as asked, settings valid, or not enabled
  1   could not start or stop in time; for trunks, no node runs here
  2   wrong command line
  3   settings not valid
`

// run does what the command line says, and returns the exit code.
func run(args, environ []string, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	flags := flag.NewFlagSet("umbrellad", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("config", config.DefaultDir, "")
	showVersion := flags.Bool("version", false, "")
	asJSON := flags.Bool("json", false, "")
	usage := func(err error) int {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stdout, help, config.DefaultDir)
			return exitOK
		}
		fmt.Fprintf(stderr, "umbrellad: %v\nTry 'umbrellad -h'.\n", err)
		return exitUsage
	}

	if err := flags.Parse(args); err != nil {
		return usage(err)
	}
	command := flags.Arg(0)
	if command != "" {
		// Flags may stand behind the command as well.
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return usage(err)
		}
		if flags.NArg() > 0 {
			return usage(fmt.Errorf("%q is too much", flags.Arg(0)))
		}
	} else if flags.NArg() > 0 {
		return usage(errors.New("a command cannot be empty"))
	}
	if *showVersion {
		command = "version"
	}

	switch command {
	case "version":
		fmt.Fprintln(stdout, version)
		return exitOK
	case "help":
		return usage(flag.ErrHelp)
	case "", "check", "trunks":
	default:
		return usage(fmt.Errorf("there is no command %q", command))
	}

	if *asJSON && command != "trunks" {
		return usage(errors.New("-json is for trunks"))
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "config" })
	if given {
		// The default need not be there; a directory that was typed has to be.
		if info, err := os.Stat(*dir); err != nil || !info.IsDir() {
			return usage(fmt.Errorf("-config: %q is not a directory", *dir))
		}
	}

	source := config.Source{Dir: *dir, Environ: environ}
	cfg, err := source.Load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitSettings
	}
	if command == "check" {
		check(*dir, cfg, stdout, stderr)
		return exitOK
	}
	if command == "trunks" {
		if err := trunks(cfg, *asJSON, stdout); err != nil {
			fmt.Fprintf(stderr, "umbrellad: %v\n", err)
			return exitFailure
		}
		return exitOK
	}
	d := &daemon{
		Version: version,
		Load:    source.Load,
		NewNode: func(log *slog.Logger, reload func(context.Context) error) runner {
			system := memory.System{Files: os.DirFS("/")}
			memory.Set(system, environ, log)
			return &node.Node{
				Version: version, Log: log, Memory: &memory.Admission{Read: system.Read, Log: log},
				Source: source, Reload: reload,
			}
		},
		Stdout:      stdout,
		Stderr:      stderr,
		StopTimeout: 5 * time.Second,
	}
	return d.Run(cfg, signals)
}

// trunks prints the trunks of the daemon that runs by the settings.
func trunks(cfg *config.Config, asJSON bool, stdout io.Writer) error {
	st, err := askStatus(context.Background(), cfg)
	if err != nil {
		return err
	}
	if !asJSON {
		return printTrunks(stdout, st)
	}
	b, err := trunksJSON(st)
	if err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "%s\n", b)
	return err
}

// check says what is to be said about settings that are valid.
func check(dir string, cfg *config.Config, stdout, stderr io.Writer) {
	for _, w := range cfg.Warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	path := filepath.Join(dir, "umbrella")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(stdout, "OK: there is no %s, and without it the settings are valid\n", path)
		return
	}
	fmt.Fprintf(stdout, "OK: %s is valid\n", path)
}
