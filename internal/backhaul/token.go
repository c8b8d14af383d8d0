package backhaul

import (
	"fmt"
	"net/http"
	"strings"

	"umbrella/internal/config"
)

// tokenScheme is the one of HTTP (RFC 9110 §11.4) by which a node shows the token
// that it was invited with, but for the signature.
const tokenScheme = "Umbrella-Trunk"

// splitToken takes a token apart, if a secret is one: it has three parts, and
// begins as a JSON object does in base64. What is public is told to whoever is
// dialled, the signature to nobody.
func splitToken(secret string) (public, signature string, ok bool) {
	if !strings.HasPrefix(secret, "ey") || strings.Count(secret, ".") != 2 {
		return "", "", false
	}
	i := strings.LastIndexByte(secret, '.')
	return secret[:i], secret[i+1:], true
}

// sharedSecret is what both ends of a trunk know, and prove to each other. Of a
// token that is the signature: the node that made it can make that again.
func sharedSecret(secret string) string {
	if _, signature, ok := splitToken(secret); ok {
		return signature
	}
	return secret
}

// guest is the trunk of a node that brings a token; nil for one that brings none.
// Whether it has the whole token its proof will show.
func (b *Backhaul) guest(r *http.Request) (*config.Backhaul, error) {
	scheme, public, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, tokenScheme) {
		return nil, nil
	}
	name, token, rooms, err := b.Invited(strings.TrimSpace(public))
	if err != nil {
		return nil, fmt.Errorf("the token of the node that dialled: %w", err)
	}
	return &config.Backhaul{Section: name, Enabled: true, Secret: token, Rooms: rooms}, nil
}
