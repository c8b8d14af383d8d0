package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// maxKicked is the most that is read of an answer, in bytes.
const maxKicked = 8 << 10

// kick sends somebody away from a room.
func kick(in *invocation) int {
	room, who := in.arguments[0], in.arguments[1]
	s, err := in.server()
	if err != nil {
		return in.fail(err)
	}
	path := "/rooms/" + url.PathEscape(room) + "/participants/" + url.PathEscape(who)
	// JSON is for the answer; errors are wanted as words.
	body, answer, err := in.request(context.Background(), s, http.MethodDelete, path, "text/plain, application/json;q=0.9", maxKicked)
	if refused, ok := errors.AsType[*refusedError](err); ok {
		err = errors.New(refused.why)
	}
	if err != nil {
		return in.fail(err)
	}
	var gone struct{ Room, ID, Name string }
	if kindOf(answer) != "application/json" || json.Unmarshal(body, &gone) != nil || gone.ID == "" {
		return in.fail(in.notUmbrellad(s, answer.Status))
	}
	if in.json {
		return in.print(string(body))
	}
	return in.print(fmt.Sprintf("%s (%s) was sent away from the room %s.\n", shown(gone.Name), shown(gone.ID), shown(gone.Room)))
}
