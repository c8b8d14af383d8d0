package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// hideInput makes a terminal not show what is typed, until restore is called. It
// fails where the file is no terminal.
func hideInput(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *was
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, nil
}

// maxPassword is the longest password that is read, in bytes.
const maxPassword = 1024

// readPassword reads a line of the standard input. A terminal is prompted, and does
// not show it.
func readPassword(in *invocation, prompt string) (string, error) {
	if f, ok := in.in.(*os.File); ok {
		if restore, err := hideInput(f); err == nil {
			fmt.Fprint(in.err, prompt)
			defer func() {
				restore()
				fmt.Fprintln(in.err)
			}()
		}
	}
	line, err := bufio.NewReader(io.LimitReader(in.in, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("there is none on the standard input")
	}
	return line, nil
}
