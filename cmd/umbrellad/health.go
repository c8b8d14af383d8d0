package main

import (
	"context"
	"net/http"
	"strings"
)

// health says whether the node serves, for those who supervise it, such as a container's
// health check.
func health(in *invocation) int {
	if err := in.askHealth(context.Background()); err != nil {
		return in.fail(err)
	}
	return in.print("OK\n")
}

// maxHealth is the most that is read of an answer, in bytes.
const maxHealth = 1 << 10

// askHealth is nil when the node serves. It shows no token: whatever answers there may be
// something else. The error is a sentence for people.
func (in *invocation) askHealth(ctx context.Context) error {
	s, err := in.server()
	if err != nil {
		return err
	}
	s.token = ""
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, body, err := s.do(ctx, http.MethodGet, "/healthz", "text/plain", maxHealth)
	if err != nil {
		return in.noAnswer(s, err)
	}
	if answer.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return in.notUmbrellad(s, answer.Status)
	}
	return nil
}
