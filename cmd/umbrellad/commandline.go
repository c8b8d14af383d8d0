package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"umbrella/internal/cause"
	"umbrella/internal/config"
	"umbrella/internal/duration"
	"umbrella/internal/usage"
)

// stdio is what a process has open at its start.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// invocation is a command line that was understood.
type invocation struct {
	stdio
	command   usage.Command
	run       func(*invocation) int
	dir       string
	json      bool
	user      string
	report    string // where the transcript of a camera goes; empty: nowhere
	token     tokenFlags
	remote    remoteFlags
	pause     time.Duration
	original  string // the file that people edit; empty: the one in dir
	prepare   prepareFlags
	arguments []string // those of the command
	source    config.Source
	cfg       *config.Config // nil for a bare command, and for one that asks another node
	signals   <-chan os.Signal
}

// runs is what each command of usage.Commands does.
func runs() map[string]func(*invocation) int {
	return map[string]func(*invocation) int{
		"":                 serve,
		"check":            check,
		"status":           showStatus,
		"rooms":            showRooms,
		"kick":             kick,
		"trunks":           showTrunks,
		"cameras":          showCameras,
		"health":           health,
		"cameras discover": discoverCameras,
		"probe":            probeCamera,
		"token":            makeToken,
		"hash":             makeHash,
		"prepare":          runPrepare,
		"version":          printVersion,
		"help":             printHelp,
	}
}

func printVersion(in *invocation) int { return in.print(version + "\n") }

// printHelp prints the text about a command, or about everything.
func printHelp(in *invocation) int {
	if len(in.arguments) == 0 {
		return in.print(usage.Help())
	}
	c, ok := usage.Find(in.arguments[0])
	if !ok {
		return in.wrong(noCommand(in.arguments[0]))
	}
	return in.print(c.Help())
}

// print prints all of a text at once, so that nothing is half there.
func (in *invocation) print(text string) int {
	if _, err := io.WriteString(in.out, text); err != nil {
		return in.fail(fmt.Errorf("writing to the standard output: %w", err))
	}
	return usage.OK
}

// fail tells why a command could not do what was asked.
func (in *invocation) fail(err error) int {
	fmt.Fprintf(in.err, "umbrellad: %v\n", cause.Explain(err))
	return usage.Failure
}

// wrong tells what is wrong with the command line, and where to look.
func (in *invocation) wrong(err error) int {
	try := "'umbrellad -h'"
	if in.command.Name != "" {
		try = "'umbrellad help " + in.command.Name + "'"
	}
	if w, ok := errors.AsType[*wrongWord](err); ok && w.nearest != "" {
		try = "'" + w.nearest + "', or " + try
	}
	fmt.Fprintf(in.err, "umbrellad: %v\nTry %s.\n", err, try)
	return usage.Wrong
}

// wrongWord is a flag or a command that there is not.
type wrongWord struct{ text, nearest string }

func (w *wrongWord) Error() string { return w.text }

func noCommand(name string) error {
	var names []string
	for _, c := range usage.Commands() {
		names = append(names, c.Name)
	}
	nearest, ok := config.Closest(name, names)
	if !ok {
		nearest = ""
	}
	return &wrongWord{fmt.Sprintf("there is no command %q", name), nearest}
}

func noFlag(arg string) error {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	var names []string
	for _, f := range usage.Flags() {
		names = append(names, f.Name)
	}
	nearest, ok := config.Closest(name, names)
	if ok {
		nearest = "-" + nearest
	} else {
		nearest = ""
	}
	return &wrongWord{"flag provided but not defined: -" + name, nearest}
}

// define gives every flag of usage.Flags a place for its value.
func (in *invocation) define(flags *flag.FlagSet) {
	flags.StringVar(&in.dir, "config", config.DefaultDir, "")
	flags.BoolVar(&in.json, "json", false, "")
	flags.StringVar(&in.user, "user", "", "")
	flags.StringVar(&in.report, "report", "", "")
	in.token.define(flags)
	in.remote.define(flags)
	in.prepare.define(flags)
	flags.Var((*duration.Value)(&in.pause), "pause", "")
	flags.StringVar(&in.original, "original", "", "")
	flags.Bool("version", false, "")
	flags.Bool("h", false, "")
	flags.Bool("help", false, "")
}

// parse reads the command line. It returns what it has understood also with an error,
// which is for people.
func parse(args []string) (*invocation, error) {
	in := &invocation{run: serve}
	flags := flag.NewFlagSet("umbrellad", flag.ContinueOnError)
	in.define(flags)
	words, given, err := split(flags, args)
	if err != nil {
		return in, err
	}
	if given["version"] {
		words = []string{"version"}
	}
	name, words, err := named(words)
	if err != nil {
		return in, err
	}
	in.command, _ = usage.Find(name)
	in.run = runs()[name]
	if given["h"] || given["help"] {
		in.run, in.arguments = printHelp, nil
		if name != "" {
			in.arguments = []string{name}
		}
		in.command.Bare = true
		return in, nil
	}
	if name == "help" && len(words) > 1 {
		words = []string{strings.Join(words, " ")}
	}
	for _, a := range in.command.Arguments {
		if len(words) == 0 && strings.HasPrefix(a, "[") {
			break
		}
		if len(words) == 0 || words[0] == "" {
			return in, fmt.Errorf("%s wants a %s", name, a)
		}
		in.arguments, words = append(in.arguments, words[0]), words[1:]
	}
	if len(words) > 0 {
		return in, fmt.Errorf("%q is too much", words[0])
	}
	for _, f := range usage.Flags() {
		if given[f.Name] && !in.command.Takes(f.Name) {
			return in, fmt.Errorf("-%s is for %s", f.Name, usage.Takers(f.Name))
		}
	}
	if given["config"] {
		// The default need not be there; a directory that was typed has to be.
		if info, err := os.Stat(in.dir); err != nil || !info.IsDir() {
			return in, fmt.Errorf("-config: %q is not a directory", in.dir)
		}
	}
	return in, in.remote.check(given)
}

// split sets the flags, which may stand before and behind the words, and returns the
// words and which flags are there.
func split(flags *flag.FlagSet, args []string) (words []string, given map[string]bool, err error) {
	given = map[string]bool{}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return append(words, args...), given, nil
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			words = append(words, arg)
			continue
		}
		name, value, has := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		f := flags.Lookup(name)
		if f == nil {
			return nil, nil, noFlag(arg)
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
			if !has {
				value = "true"
			}
			has = value != "false" // -json=false is as if it were not there
		} else if !has {
			if len(args) == 0 {
				return nil, nil, fmt.Errorf("flag needs an argument: -%s", name)
			}
			value, args, has = args[0], args[1:], true
		}
		if err := f.Value.Set(value); err != nil {
			return nil, nil, fmt.Errorf("invalid value %q for flag -%s: %w", value, name, err)
		}
		given[name] = has
	}
	return words, given, nil
}

// named takes the command, of one word or two, off the words.
func named(words []string) (name string, rest []string, err error) {
	if len(words) == 0 {
		return "", nil, nil
	}
	if len(words) > 1 {
		if two := strings.Join(words[:2], " "); runs()[two] != nil {
			return two, words[2:], nil
		}
	}
	switch name = words[0]; {
	case name == "":
		return "", nil, errors.New("a command cannot be empty")
	case runs()[name] == nil:
		return "", nil, noCommand(name)
	}
	return name, words[1:], nil
}
