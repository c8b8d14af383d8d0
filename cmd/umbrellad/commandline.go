package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"umbrella/internal/config"
)

const help = `umbrellad is a WebRTC SFU: rooms of audio and video, cameras and trunks.

Usage:
  umbrellad [-config DIR]           run the node
  umbrellad [-config DIR] check     check the settings, and do nothing else
  umbrellad [-config DIR] trunks    print the trunks of the node that runs here
  umbrellad [-config DIR] cameras   print the cameras of the node that runs here
  umbrellad [-config DIR] health    ask whether the node serves that runs here
  umbrellad cameras discover        look for cameras in the local network
  umbrellad [-config DIR] probe CAMERA
                                    tell what a camera sends, whether browsers
                                    will play it, and what to change in it
  umbrellad [-config DIR] token -room ROOM
                                    make an invitation, and print its link
  umbrellad hash                    make a hash of a password for the settings:
                                    the first line of the standard input
  umbrellad prepare                 for OpenWrt's init script, which runs it as
                                    root: make ready what the node needs
  umbrellad version                 print the version
  umbrellad help                    print this text

CAMERA is an rtsp:// or rtsps:// URL, or the name of a section 'camera' of the
settings, which keeps a password off the command line.

Flags:
  -config DIR   directory of the UCI file 'umbrella' (default %s)
  -json         with trunks and cameras: print JSON
  -report FILE  with probe: write what the camera says to FILE, for a bug
                report, without passwords, addresses and serial numbers; '-' is
                the standard output
  -user NAME    with cameras discover: ask the cameras for their streams by this
                name; the password is the first line of the standard input
  -room ROOM    with token: the room that it is for; '*' is all of them
  -name NAME    with token: what its bearer is called
  -rights LIST  with token: of publish, subscribe, moderate, admin and trunk,
                with commas between (default publish,subscribe); admin is for
                the room '*', and trunk for another node, as its option secret
  -for TIME     with token: how long it holds, such as 90m or 24h (default 24h)
  -once         with token: it is for one guest, the first who uses it
  -list         with token: print the invitations that hold
  -revoke ID    with token: end one of them; a link or a token does as well
  -pause TIME   where the node cannot start, do not exit but try again after
                so long, and say on OpenWrt's bus meanwhile why
  -version      print the version
  -h, -help     print this text

Settings come from the UCI file, if there is one, and from UMBRELLA_* variables
over it, such as UMBRELLA_LISTEN and UMBRELLA_MEDIA_PORT.

Signals:
  SIGHUP            read the settings again and apply what has changed
  SIGTERM, SIGINT   end all calls and stop; a second one stops at once

Exit codes:
  0   stopped as asked, settings valid, or not enabled
  1   could not start or stop in time; no node serves here, or none whose trunks
      or cameras could be told; browsers will not play the camera that was
      probed; no token or hash could be made
  2   wrong command line, or a crash, which the log tells of
  3   settings not valid
`

// stdio is what a process has open at its start.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// invocation is a command line that was understood.
type invocation struct {
	stdio
	command  command
	dir      string
	json     bool
	user     string
	report   string // where the transcript of a camera goes; empty: nowhere
	token    tokenFlags
	pause    time.Duration
	prepare  prepareFlags
	argument string // what the command wants, if it wants something
	source   config.Source
	cfg      *config.Config // nil for a bare command
	signals  <-chan os.Signal
}

// command is what may stand first on the command line.
type command struct {
	argument string   // what it wants behind it, by its name in the help; mostly nothing
	flags    []string // those that are not for every command
	bare     bool     // it does not need the settings, and runs where they are not valid
	run      func(*invocation) int
}

func commands() map[string]command {
	return map[string]command{
		"":                 {flags: []string{"pause"}, run: serve},
		"check":            {run: check},
		"trunks":           {flags: []string{"json"}, run: showTrunks},
		"cameras":          {flags: []string{"json"}, run: showCameras},
		"health":           {run: health},
		"cameras discover": {flags: []string{"user"}, bare: true, run: discoverCameras},
		"probe":            {argument: "CAMERA", flags: []string{"report"}, bare: true, run: probeCamera},
		"token":            {flags: []string{"room", "name", "rights", "for", "once", "list", "revoke"}, run: makeToken},
		"hash":             {bare: true, run: makeHash},
		"prepare":          {flags: []string{"root", "owner", "again", "probe"}, bare: true, run: runPrepare},
		"version":          {bare: true, run: printVersion},
		"help":             {bare: true, run: printHelp},
	}
}

func printVersion(in *invocation) int {
	fmt.Fprintln(in.out, version)
	return exitOK
}

func printHelp(in *invocation) int {
	fmt.Fprintf(in.out, help, config.DefaultDir)
	return exitOK
}

// parse reads the command line. The error is for people.
func parse(args []string) (*invocation, error) {
	in := &invocation{}
	flags := flag.NewFlagSet("umbrellad", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&in.dir, "config", config.DefaultDir, "")
	flags.BoolVar(&in.json, "json", false, "")
	flags.StringVar(&in.user, "user", "", "")
	flags.StringVar(&in.report, "report", "", "")
	in.token.define(flags)
	in.prepare.define(flags)
	flags.DurationVar(&in.pause, "pause", 0, "")
	showVersion := flags.Bool("version", false, "")

	var words []string
	for rest := args; ; {
		// Flags may stand behind the command as well.
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			in.command = commands()["help"]
			return in, nil
		} else if err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		words, rest = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	if *showVersion {
		words = []string{"version"}
	}
	name, words, err := named(words)
	if err != nil {
		return nil, err
	}
	in.command = commands()[name]
	if in.command.argument != "" {
		if len(words) == 0 || words[0] == "" {
			return nil, fmt.Errorf("%s wants a %s", name, in.command.argument)
		}
		in.argument, words = words[0], words[1:]
	}
	if len(words) > 0 {
		return nil, fmt.Errorf("%q is too much", words[0])
	}

	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range []string{"json", "report", "user", "room", "name", "rights", "for", "once", "list", "revoke", "pause", "root", "owner", "again", "probe"} {
		if given[f] && !slices.Contains(in.command.flags, f) {
			return nil, fmt.Errorf("-%s is for %s", f, takers(f))
		}
	}
	if given["config"] {
		// The default need not be there; a directory that was typed has to be.
		if info, err := os.Stat(in.dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("-config: %q is not a directory", in.dir)
		}
	}
	return in, nil
}

// named takes the command, of one word or two, off the words.
func named(words []string) (name string, rest []string, err error) {
	if len(words) == 0 {
		return "", nil, nil
	}
	if len(words) > 1 {
		if two := strings.Join(words[:2], " "); commands()[two].run != nil {
			return two, words[2:], nil
		}
	}
	switch name = words[0]; {
	case name == "":
		return "", nil, errors.New("a command cannot be empty")
	case commands()[name].run == nil:
		return "", nil, fmt.Errorf("there is no command %q", name)
	}
	return name, words[1:], nil
}

// takers lists the commands that a flag is for.
func takers(flag string) string {
	var names []string
	for name, c := range commands() {
		if slices.Contains(c.flags, flag) {
			names = append(names, cmp.Or(name, "running the node"))
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}
