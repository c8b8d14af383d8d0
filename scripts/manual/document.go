package main

import (
	"fmt"
	"slices"
	"strings"

	"umbrella/internal/usage"
)

// document is the page for people with a browser.
func document() string {
	var b strings.Builder
	b.WriteString("# The command line\n\n<!-- Made by scripts/manual out of internal/usage: change it there, and run \"make manual\". -->\n\n" +
		"`umbrellad` runs the node, and asks one that runs. `umbrellad help COMMAND` prints what stands here; " +
		"[umbrellad.8](umbrellad.8) is the same as a manual page (`man -l docs/umbrellad.8`), and " +
		"[umbrellad.bash](umbrellad.bash) completes commands and flags in bash (`. docs/umbrellad.bash`). " +
		"In a container: `docker compose exec umbrella /umbrellad rooms`.\n\n" + usage.Environment + "\n\n")
	for _, c := range usage.Commands() {
		name := c.Name
		if name == "" {
			name = "umbrellad"
		}
		fmt.Fprintf(&b, "## %s\n\n    %s\n\n%s", name, c.Line(), sentence(c.Summary))
		if c.Text != "" {
			b.WriteString(" " + c.Text)
		}
		b.WriteString("\n\n")
		if slices.ContainsFunc(usage.Shown(), func(f usage.Flag) bool { return slices.Contains(c.Flags, f.Name) }) {
			b.WriteString("| flag | what it is |\n|---|---|\n")
			for _, f := range usage.Shown() {
				if slices.Contains(c.Flags, f.Name) {
					fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("-"+f.Name+" "+f.Value), f.Text)
				}
			}
			b.WriteString("\n")
		}
		for _, e := range c.Examples {
			b.WriteString("    " + e + "\n")
		}
		if len(c.Examples) > 0 {
			b.WriteString("\n")
		}
	}
	table := func(title, head string, list []usage.Entry) {
		fmt.Fprintf(&b, "## %s\n\n| %s | |\n|---|---|\n", title, head)
		for _, e := range list {
			fmt.Fprintf(&b, "| %s | %s |\n", e.Name, e.Text)
		}
		b.WriteString("\n")
	}
	table("Signals", "signal", usage.Signals())
	table("Exit codes", "code", usage.ExitCodes())
	return strings.TrimSuffix(b.String(), "\n")
}

// completion completes commands and flags in bash.
func completion() string {
	var commands []string
	var cases strings.Builder
	for _, c := range usage.Commands() {
		flags := []string{}
		for _, f := range usage.Shown() {
			if f.Name != "version" && c.Takes(f.Name) {
				flags = append(flags, "-"+f.Name)
			}
		}
		pattern := strings.ReplaceAll(c.Name, " ", `\ `)
		if c.Name == "" {
			pattern = "''"
		} else {
			commands = append(commands, strings.Fields(c.Name)[0])
		}
		words := strings.Join(flags, " ")
		if c.Name == "cameras" {
			words += " discover"
		}
		fmt.Fprintf(&cases, "\t%s) words='%s' ;;\n", pattern, words)
	}
	slices.Sort(commands)
	var values []string
	for _, f := range usage.Shown() {
		if f.Value == "FILE" || f.Value == "DIR" {
			values = append(values, "-"+f.Name)
		}
	}
	return `# Made by scripts/manual out of internal/usage: change it there, and run "make manual".
# Completes the commands and flags of umbrellad in bash.
_umbrellad() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' words i
	case $before in
	` + strings.Join(values, " | ") + `)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		discover) [ "$command" != cameras ] || command='cameras discover' ;;
		` + strings.Join(slices.Compact(commands), " | ") + `) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
		esac
	done
	case $command in
` + cases.String() + `	esac
	[ -n "$command" ] && [ "$command" != help ] || words+=' ` + strings.Join(slices.Compact(commands), " ") + `'
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _umbrellad umbrellad
`
}
