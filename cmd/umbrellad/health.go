package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"umbrella/internal/config"
)

// health says whether the node that runs here serves, for those who supervise it,
// such as a container's health check.
func health(in *invocation) int {
	if err := askHealth(context.Background(), in.cfg); err != nil {
		fmt.Fprintf(in.err, "umbrellad: %v\n", err)
		return exitFailure
	}
	fmt.Fprintln(in.out, "OK")
	return exitOK
}

// maxHealth is the most that is read of an answer, in bytes.
const maxHealth = 1 << 10

// askHealth is nil when the daemon of these settings serves on this machine. The
// error is a sentence for people.
func askHealth(ctx context.Context, cfg *config.Config) error {
	own, err := ownServer(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, body, err := own.get(ctx, "/healthz", "text/plain", maxHealth)
	if err != nil {
		return noDaemon(cfg, own.address, err)
	}
	if answer.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return notUmbrellad(own.address, answer.Status)
	}
	return nil
}
