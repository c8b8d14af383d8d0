package access

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"umbrella/internal/bound"
	"umbrella/internal/crash"
	"umbrella/internal/inet"
)

// authorize proves to the CA that one of the names is ours.
func (a *ACME) authorize(ctx context.Context, client *acme.Client, at string) error {
	auth, err := client.GetAuthorization(ctx, at)
	if err != nil {
		return fmt.Errorf("reading what is to be proven: %w", err)
	}
	name := auth.Identifier.Value
	if auth.Status == acme.StatusValid {
		return nil
	}
	kind := "tls-alpn-01"
	if a.Listen != "" {
		kind = "http-01"
	}
	i := slices.IndexFunc(auth.Challenges, func(c *acme.Challenge) bool { return c.Type == kind })
	if i < 0 {
		return fmt.Errorf("%s: the CA does not offer %s", name, kind)
	}
	challenge := auth.Challenges[i]
	forget, err := a.answer(client, challenge, name)
	if err != nil {
		return fmt.Errorf("%s: answering the challenge: %w", name, err)
	}
	defer forget()
	if _, err := client.Accept(ctx, challenge); err != nil {
		return fmt.Errorf("%s: taking the challenge: %w", name, err)
	}
	if _, err := client.WaitAuthorization(ctx, at); err != nil {
		return fmt.Errorf("%s could not be proven by %s (%s): %w", name, kind, a.reach(), reason(err))
	}
	return nil
}

// Sites are the names as they stand in an address of the web server, with its
// port where that is not the usual one.
func (a *ACME) Sites() []string {
	var sites []string
	for _, name := range a.Domains {
		sites = append(sites, a.site(name))
	}
	return sites
}

func (a *ACME) site(name string) string {
	// Where the CA looks at the web server for its proof, that is at port 443.
	if a.Listen == "" || a.Port == "" || a.Port == "443" {
		return name
	}
	return net.JoinHostPort(name, a.Port)
}

// reach says what the CA has to be able to do.
func (a *ACME) reach() string {
	if a.Listen != "" {
		return "port 80 of that name has to lead to " + a.Listen + " here"
	}
	return "port 443 of that name has to lead to port " + a.Port + " here, without a proxy that ends TLS"
}

// reason is what the CA said, where it did: the library's own words for it hold
// an address that says nothing to people.
func reason(err error) error {
	failed, ok := errors.AsType[*acme.AuthorizationError](err)
	if !ok {
		return err
	}
	for _, e := range failed.Errors {
		if said, ok := errors.AsType[*acme.Error](e); ok {
			return errors.New(said.Detail)
		}
	}
	return err
}

// answer has the challenge answered until forget is called.
func (a *ACME) answer(client *acme.Client, c *acme.Challenge, name string) (forget func(), err error) {
	if c.Type == "http-01" {
		body, err := client.HTTP01ChallengeResponse(c.Token)
		if err != nil {
			return nil, err
		}
		return keep(a, a.tokens, client.HTTP01ChallengePath(c.Token), body), nil
	}
	proof, err := client.TLSALPN01ChallengeCert(c.Token, name)
	if err != nil {
		return nil, err
	}
	return keep(a, a.proofs, name, &proof), nil
}

func keep[T any](a *ACME, in map[string]T, key string, value T) (forget func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in[key] = value
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(in, key)
	}
}

// proving is the configuration for a handshake by which the CA looks for a
// proof; nil where the handshake is none of those.
func (a *ACME) proving(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if !slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return nil, nil
	}
	name := strings.ToLower(hello.ServerName)
	a.mu.Lock()
	proof := a.proofs[name]
	a.mu.Unlock()
	if proof == nil {
		return nil, errors.New("acme: nothing is to be proven of this name")
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, Certificates: []tls.Certificate{*proof},
	}, nil
}

// listen answers HTTP-01 challenges, and sends people on to HTTPS.
func (a *ACME) listen() error {
	l, err := inet.Listen(context.Background(), a.Listen)
	if err != nil {
		return fmt.Errorf("option 'acme_http': %w", err)
	}
	const timeout = 10 * time.Second
	a.listener = bound.NewListener(l, a.Connect, a.Log)
	a.server = &http.Server{
		Handler:     crash.Handler(http.HandlerFunc(a.serveHTTP)),
		ReadTimeout: timeout, WriteTimeout: timeout, IdleTimeout: timeout, MaxHeaderBytes: 8 << 10,
		ErrorLog: crash.ServerLog(a.Log),
	}
	a.running.Go(func() { _ = a.server.Serve(a.listener) })
	return nil
}

func (a *ACME) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
		a.mu.Lock()
		body, ok := a.tokens[r.URL.Path]
		a.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(body))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "use HTTPS", http.StatusBadRequest)
		return
	}
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !slices.Contains(a.Domains, host) {
		host = a.Domains[0]
	}
	http.Redirect(w, r, "https://"+a.site(host)+r.URL.RequestURI(), http.StatusFound)
}
