package main

import (
	"fmt"

	"umbrella/internal/password"
)

// makeHash prints a hash of the password that is the first line of the input.
func makeHash(in *invocation) int {
	secret, err := readPassword(in, "Password: ")
	if err != nil {
		fmt.Fprintf(in.err, "umbrellad: hash: %v\n", err)
		return exitFailure
	}
	fmt.Fprintln(in.out, password.Hash(secret))
	return exitOK
}
