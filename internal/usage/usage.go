// Package usage is the one source of what umbrellad takes on its command line: commands,
// flags and their texts. The daemon reads its command line by it and prints its helps;
// scripts/manual makes the manual page, docs/commands.md and the completion for shells.
package usage

import (
	"slices"
	"strings"

	"umbrella/internal/config"
	"umbrella/internal/duration"
)

// Command is what may stand first on the command line.
type Command struct {
	// Name is one word or two; empty: the node itself.
	Name string
	// Arguments that have to follow, by their names in the help. One in brackets may be
	// left out.
	Arguments []string
	// Summary is a line, without a full stop.
	Summary string
	// Text says more, in sentences; a blank line divides paragraphs.
	Text string
	// Flags that the command takes, besides -config and -h.
	Flags []string
	// Bare: it needs no settings, and runs where they are not valid.
	Bare bool
	// Examples are command lines.
	Examples []string
}

// Flag is one option.
type Flag struct {
	Name string
	// Value is what follows, by its name in the help; empty: nothing does.
	Value string
	// Text is empty for a flag that one part of the package gives another: no help tells
	// of it.
	Text string
}

// Remote are the flags of commands that ask a node.
func remote(more ...string) []string { return append(more, "url", "token", "ca") }

// Commands are all there are, in the order of the help.
func Commands() []Command {
	return []Command{
		{
			Summary: "run the node",
			Text: "Without a command umbrellad runs the node, in the foreground, until SIGTERM or SIGINT. " +
				"Its log goes to the standard error.",
			Flags:    []string{"pause", "original"},
			Examples: []string{"umbrellad", "umbrellad -config /etc/config"},
		},
		{
			Name: "check", Summary: "check the settings, and do nothing else",
			Text:     "Every problem is printed with the file, the section, the option and what is allowed. Warnings do not fail it.",
			Examples: []string{"umbrellad check"},
		},
		{
			Name: "status", Summary: "print how the node is: calls, memory, cameras, trunks",
			Flags:    remote("json"),
			Examples: []string{"umbrellad status", "umbrellad status -url https://call.example.org -token /root/admin.token"},
		},
		{
			Name: "rooms", Summary: "print who is in the rooms of the node",
			Text:  "Participants of other nodes are among them. ADDRESS is where somebody comes from, or the node at which they are.",
			Flags: remote("json"), Examples: []string{"umbrellad rooms", "umbrellad rooms -json"},
		},
		{
			Name: "kick", Arguments: []string{"ROOM", "WHO"}, Summary: "send somebody away from a room",
			Text: "WHO is a name or an id, as 'umbrellad rooms' prints them. Of several with one name nobody is sent away: " +
				"take the id. Whoever is at another node is sent away there, and a camera is removed in the settings. " +
				"Who was sent away may come again, unless a moderator has locked the room.",
			Flags: remote("json"), Examples: []string{"umbrellad kick kitchen 'Ada Lovelace'"},
		},
		{
			Name: "trunks", Summary: "print the trunks of the node, and why some are down",
			Flags: remote("json"), Examples: []string{"umbrellad trunks"},
		},
		{
			Name: "cameras", Summary: "print the cameras of the node, and what is wrong with some",
			Flags: remote("json"), Examples: []string{"umbrellad cameras", "umbrellad cameras -json"},
		},
		{
			Name: "health", Summary: "ask whether the node serves",
			Text:  "It is for whatever supervises the node, such as a container's health check.",
			Flags: []string{"url", "ca"}, Examples: []string{"umbrellad health"},
		},
		{
			Name: "cameras discover", Summary: "look for cameras in the local network", Bare: true, Flags: []string{"user"},
			Text:     "Cameras are found by ONVIF, and with -user asked for their streams.",
			Examples: []string{"umbrellad cameras discover -user admin"},
		},
		{
			Name: "probe", Arguments: []string{"CAMERA"}, Bare: true, Flags: []string{"report"},
			Summary: "tell what a camera sends, whether browsers will play it, and what to change in it",
			Text: "CAMERA is an rtsp:// or rtsps:// URL, or the name of a section 'camera' of the settings, " +
				"which keeps a password off the command line.",
			Examples: []string{"umbrellad probe front_door", "umbrellad probe -report camera.txt rtsp://admin:PASSWORD@192.168.1.64/stream1"},
		},
		{
			Name: "token", Summary: "make an invitation, and print its link; list them, or revoke one", Flags: []string{"room", "name", "rights", "for", "once", "list", "revoke"},
			Text: "For all rooms, and for trunks, the token alone is printed. It is made with the secret in state_dir: " +
				"the node need not run.",
			Examples: []string{
				"umbrellad token -room kitchen -for 7d", "umbrellad token -room kitchen -rights subscribe -name Ada -once",
				"umbrellad token -room '*' -rights admin -for 90d", "umbrellad token -list",
			},
		},
		{
			Name: "hash", Summary: "make a hash of a password for the settings", Bare: true,
			Text:     "The password is the first line of the standard input; a terminal does not show it.",
			Examples: []string{"umbrellad hash"},
		},
		{
			Name: "prepare", Bare: true, Flags: []string{"root", "owner", "again", "probe"},
			Summary: "for OpenWrt's init script, which runs it as root: make ready what the node needs",
		},
		{Name: "version", Summary: "print the version", Bare: true},
		{Name: "help", Arguments: []string{"[COMMAND]"}, Summary: "print this text, or that of a command", Bare: true, Examples: []string{"umbrellad help token"}},
	}
}

// Shown are the flags that helps tell of.
func Shown() []Flag {
	return slices.DeleteFunc(Flags(), func(f Flag) bool { return f.Text == "" })
}

// Flags are all there are, in the order of the help.
func Flags() []Flag {
	return []Flag{
		{"config", "DIR", "directory of the UCI file 'umbrella' (default " + config.DefaultDir + ")"},
		{"json", "", "print JSON, for programs"},
		{"url", "URL", "ask the node at this address of its web server, such as https://call.example.org, and not the one that runs here by the settings"},
		{"token", "FILE", "with -url: file with an admin's token, as 'umbrellad token' makes one there; '-' is the standard input"},
		{"ca", "FILE", "with -url: file with the CA's certificate of that node, as its /ca.crt gives it, where no public CA signed its own"},
		{"report", "FILE", "write what the camera says to FILE, for a bug report, without passwords, addresses and serial numbers; '-' is the standard output"},
		{"user", "NAME", "ask the cameras for their streams by this name; the password is the first line of the standard input"},
		{"room", "ROOM", "the room that it is for; '*' is all of them"},
		{"name", "NAME", "what its bearer is called"},
		{"rights", "LIST", "of publish, subscribe, moderate, admin and trunk, with commas between (default publish,subscribe); admin is for the room '*', and trunk for another node, as its option secret"},
		{"for", "TIME", "how long it holds, " + duration.Syntax + ", ten years at most (default 24h)"},
		{"once", "", "it is for one guest, the first who uses it"},
		{"list", "", "print the invitations that hold"},
		{"revoke", "ID", "end one of them; a link or a token does as well"},
		{"pause", "TIME", "where the node cannot start, do not exit but try again after so long, and say on OpenWrt's bus meanwhile why"},
		{"original", "FILE", "the settings that people edit, where the file in DIR is a copy of them: messages show this path"},
		{"root", "DIR", ""}, {"owner", "NAME", ""}, {"again", "STEP", ""}, {"probe", "DIR", ""},
		{"version", "", "print the version"},
		{"h", "", "print the help, of the command if there is one; also -help"},
	}
}

// everywhere are the flags that every command takes.
func everywhere(flag string) bool { return flag == "config" || flag == "h" || flag == "version" }

// Entry is a short text with what it is about.
type Entry struct{ Name, Text string }

// Signals of the node that runs.
func Signals() []Entry {
	return []Entry{
		{"SIGHUP", "read the settings again and apply what has changed"},
		{"SIGTERM, SIGINT", "end all calls and stop; a second one stops at once"},
	}
}

// Exit codes.
const (
	OK       = 0
	Failure  = 1
	Wrong    = 2
	Settings = 3
)

// ExitCodes of all commands.
func ExitCodes() []Entry {
	return []Entry{
		{"0", "done as asked; the node has stopped as asked, or is not enabled"},
		{"1", "it failed: the node could not start, or stop in time; no node serves, or it does not answer as asked; browsers will not play the camera that was probed; no token or hash could be made"},
		{"2", "wrong use: the command line is not right; or, of the node, a crash, which the log tells of"},
		{"3", "the settings are not valid"},
	}
}

// Environment is where settings come from, too.
const Environment = "Settings come from the UCI file, if there is one, and from UMBRELLA_* variables over it, " +
	"such as UMBRELLA_LISTEN and UMBRELLA_MEDIA_PORT."

// About is what umbrellad is.
const About = "umbrellad is a WebRTC SFU: rooms of audio and video, cameras and trunks."

// Find returns a command by its name.
func Find(name string) (Command, bool) {
	i := slices.IndexFunc(Commands(), func(c Command) bool { return c.Name == name })
	if i < 0 {
		return Command{}, false
	}
	return Commands()[i], true
}

// Takes reports whether the command takes a flag.
func (c Command) Takes(flag string) bool { return everywhere(flag) || slices.Contains(c.Flags, flag) }

// Line is how the command is called.
func (c Command) Line() string {
	line := "umbrellad"
	if !c.Bare || c.Name == "probe" {
		line += " [-config DIR]"
	}
	if c.Name != "" {
		line += " " + c.Name
	}
	for _, f := range Shown() {
		switch {
		case c.Name == "token" && f.Name == "room":
			line += " [-room ROOM]"
		case slices.Contains(c.Flags, f.Name) && f.Value == "":
			line += " [-" + f.Name + "]"
		case slices.Contains(c.Flags, f.Name):
			line += " [-" + f.Name + " " + f.Value + "]"
		}
	}
	return strings.Join(append([]string{line}, c.Arguments...), " ")
}
