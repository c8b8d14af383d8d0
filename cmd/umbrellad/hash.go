package main

import (
	"fmt"

	"umbrella/internal/password"
)

// makeHash prints a hash of the password that is the first line of the input.
func makeHash(in *invocation) int {
	secret, err := readPassword(in, "Password: ")
	if err != nil {
		return in.fail(fmt.Errorf("hash: %w", err))
	}
	return in.print(password.Hash(secret) + "\n")
}
