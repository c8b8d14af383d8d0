package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// ask prints something of the live state of a node, all at once or nothing: for people, or
// with -json as printJSON does.
func (in *invocation) ask(write func(io.Writer, *umbrellav1.Status) error, fields ...string) int {
	st, err := in.status(context.Background())
	var b bytes.Buffer
	switch {
	case err != nil:
	case in.json:
		err = printJSON(&b, st, fields...)
	default:
		err = write(&b, st)
	}
	if err != nil {
		return in.fail(err)
	}
	return in.print(b.String())
}

// printJSON prints a status as JSON, and with fields only these and what node it is: what is
// left out is not there, rather than empty.
func printJSON(w io.Writer, st *umbrellav1.Status, fields ...string) error {
	b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(st)
	if err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &all); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	fields = append(fields, "nodeName", "nodeId", "nowMs")
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return len(fields) > 3 && !slices.Contains(fields, name) })
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// server is the web server of the node that -url names, or else of the daemon that runs
// on this machine by the settings, to be asked as an admin.
func (in *invocation) server() (*server, error) {
	if in.remote.url != "" {
		return in.remote.server(in.in)
	}
	own, err := ownServer(in.cfg)
	if err == nil {
		own.token = adminToken(in.cfg.Main)
	}
	return own, err
}

// status asks the node for its live state. The error is a sentence for people.
func (in *invocation) status(ctx context.Context) (*umbrellav1.Status, error) {
	s, err := in.server()
	if err != nil {
		return nil, err
	}
	body, answer, err := in.request(ctx, s, http.MethodGet, "/status", "application/protobuf", maxStatus)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.code == http.StatusNotFound {
		return nil, in.notUmbrellad(s, answer.Status)
	}
	if err != nil {
		return nil, err
	}
	st := &umbrellav1.Status{}
	// A node always has an id: what has none is not the status of one.
	if kindOf(answer) != "application/protobuf" || proto.Unmarshal(body, st) != nil || st.NodeId == "" {
		return nil, in.notUmbrellad(s, answer.Status)
	}
	return st, nil
}

// request asks the node, as an admin. An answer other than 200 is an error, in the
// node's own words where it gives a reason.
func (in *invocation) request(ctx context.Context, s *server, method, path, accept string, limit int64) ([]byte, *http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, body, err := s.do(ctx, method, path, accept, limit)
	if err != nil {
		return nil, nil, in.noAnswer(s, err)
	}
	if answer.StatusCode == http.StatusOK {
		return body, answer, nil
	}
	why := shown(strings.TrimSpace(string(body[:min(len(body), maxReason)])))
	if kindOf(answer) != "text/plain" {
		why = "?"
	}
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized && in.remote.url != "" && in.remote.token == "":
		return nil, nil, fmt.Errorf("umbrellad at %s tells admins only: make a token there by 'umbrellad token -room \"*\" -rights admin', and name its file by -token", s.address)
	case why == "?" || code < 400:
		return nil, nil, in.notUmbrellad(s, answer.Status)
	case (code == http.StatusForbidden || code == http.StatusUnauthorized) && in.remote.url == "" && s.token == "":
		return nil, nil, fmt.Errorf("umbrellad at %s does not tell: %s. There is no key of tokens in its state_dir, or only root may read it", s.address, why)
	case code == http.StatusForbidden || code == http.StatusUnauthorized:
		return nil, nil, fmt.Errorf("umbrellad at %s does not tell: %s", s.address, why)
	}
	return nil, answer, &refusedError{answer.StatusCode, why}
}

// refusedError is a request that the node understood and did not grant.
type refusedError struct {
	code int
	why  string
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s (%d)", e.why, e.code) }

// maxReason is how much of an answer's words is shown, in bytes.
const maxReason = 1000

func kindOf(answer *http.Response) string {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return kind
}

// noAnswer says why nobody answered.
func (in *invocation) noAnswer(s *server, err error) error {
	if in.remote.url != "" {
		return in.remote.unreachable(err)
	}
	return noDaemon(in.cfg, s.address, err)
}

func (in *invocation) notUmbrellad(s *server, answer string) error {
	if in.remote.url != "" {
		return fmt.Errorf("what answers at %s is no umbrellad: %s. -url is the address of its web server, with its prefix", in.remote.url, answer)
	}
	return fmt.Errorf("what answers at %s is no umbrellad of these settings: %s", s.address, answer)
}

// server is the web server of a node.
type server struct {
	address, base string
	client        *http.Client
	token         string // of an admin; empty: none
}

// ownServer finds that of the daemon that runs on this machine by the settings. The error is a sentence for people.
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

// do asks for what is at a path below the prefix, and reads limit bytes of it at most.
func (s *server) do(ctx context.Context, method, path, accept string, limit int64) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.base+path, nil)
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
