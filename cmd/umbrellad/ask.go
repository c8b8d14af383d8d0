package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/state"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

const (
	askTimeout = 5 * time.Second
	maxStatus  = 64 << 20 // bytes of a status
)

// ask prints something of the live state of the daemon that runs here.
func (in *invocation) ask(print func(*umbrellav1.Status) error) int {
	st, err := askStatus(context.Background(), in.cfg)
	if err == nil {
		err = print(st)
	}
	if err != nil {
		fmt.Fprintf(in.err, "umbrellad: %v\n", err)
		return exitFailure
	}
	return exitOK
}

// printJSON prints the parts of a status that are filled in.
func printJSON(w io.Writer, st *umbrellav1.Status) error {
	b, err := protojson.MarshalOptions{Multiline: true, EmitDefaultValues: true}.Marshal(st)
	if err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// askStatus asks the daemon that runs on this machine by the settings for its
// live state. The error is a sentence for people.
func askStatus(ctx context.Context, cfg *config.Config) (*umbrellav1.Status, error) {
	own, err := ownServer(cfg)
	if err != nil {
		return nil, err
	}
	own.token = adminToken(cfg.Main)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, body, err := own.get(ctx, "/status", "application/protobuf", maxStatus)
	if err != nil {
		return nil, noDaemon(cfg, own.address, err)
	}
	if answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("umbrellad at %s does not tell: %s", own.address, strings.TrimSpace(string(body)))
	}
	st := &umbrellav1.Status{}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusOK || kind != "application/protobuf" || proto.Unmarshal(body, st) != nil {
		return nil, notUmbrellad(own.address, answer.Status)
	}
	return st, nil
}

func notUmbrellad(address, answer string) error {
	return fmt.Errorf("what answers at %s is no umbrellad of these settings: %s", address, answer)
}

// server is the web server of the daemon that runs on this machine.
type server struct {
	address, base string
	client        *http.Client
	token         string // that get shows; empty: none
}

// ownServer finds it by the settings. The error is a sentence for people.
func ownServer(cfg *config.Config) (*server, error) {
	host, port, err := net.SplitHostPort(cfg.Main.Listen)
	if err != nil {
		return nil, fmt.Errorf("option 'listen': %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	s := &server{address: net.JoinHostPort(host, port)}
	transport := &http.Transport{DialContext: dialOwn, DisableKeepAlives: true}
	scheme := "http"
	if cfg.Main.TLS != config.TLSOff {
		scheme = "https"
		if transport.TLSClientConfig, err = ownTLS(cfg.Main); err != nil {
			return nil, err
		}
	}
	s.base = scheme + "://" + s.address + cfg.Main.Prefix
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// adminToken makes a token of an admin for a minute: behind a proxy that is on this
// machine, the daemon cannot tell that a request is from here. It is empty where the
// secret is not there, or not for this process to read.
func adminToken(m config.Main) string {
	t := &access.Tokens{StateDir: m.StateDir}
	if !t.HasSecret() || t.Start() != nil {
		return ""
	}
	token, _ := t.Mint(access.Claims{Room: access.AnyRoom, Rights: []string{access.RightAdmin}}, time.Minute)
	return token
}

// get reads what is at a path below the prefix, limit bytes of it at most.
func (s *server) get(ctx context.Context, path, accept string, limit int64) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("option 'listen': %w", err)
	}
	r.Header.Set("Accept", accept)
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit))
	return answer, body, err
}

// dialOwn connects to an address of this machine from its loopback address, so
// that the daemon knows who asks, whichever address it listens on.
func dialOwn(ctx context.Context, network, address string) (net.Conn, error) {
	addr, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	if addr.IP.To4() == nil {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv6loopback}
	}
	return d.DialContext(ctx, network, addr.String())
}

// ownTLS trusts this node's certificate and no other: that of its own CA, or the
// one of the option cert, whatever name it is for.
func ownTLS(m config.Main) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	file, option := filepath.Join(m.StateDir, state.CACert), "state_dir"
	if m.TLS == config.TLSFiles {
		file, option = m.Cert, "cert"
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no umbrellad has run here by these settings yet: there is no %s (option '%s')", file, option)
	}
	if err != nil {
		return nil, fmt.Errorf("the certificate of umbrellad cannot be read: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s (option '%s') holds no certificate", file, option)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s (option '%s'): %w", file, option, err)
	}
	if m.TLS == config.TLSFiles {
		c.InsecureSkipVerify = true // for VerifyConnection
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if !s.PeerCertificates[0].Equal(cert) {
				return fmt.Errorf("its certificate is not the one in %s", file)
			}
			return nil
		}
		return c, nil
	}
	c.RootCAs.AddCert(cert)
	return c, nil
}

// noDaemon says why nobody answered.
func noDaemon(cfg *config.Config, address string, err error) error {
	if !cfg.Main.Enabled {
		return fmt.Errorf("no umbrellad runs here: the option enabled of the section 'main' is 0 (%s: %w)", address, innermost(err))
	}
	return fmt.Errorf("no umbrellad of these settings answers at %s: is it running? (%w)", address, innermost(err))
}

// innermost is the error that a chain of errors began with.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
