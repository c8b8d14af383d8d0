package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// remoteFlags say which node is asked, where it is not the one that runs here.
type remoteFlags struct{ url, token, ca string }

func (r *remoteFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&r.url, "url", "", "")
	flags.StringVar(&r.token, "token", "", "")
	flags.StringVar(&r.ca, "ca", "", "")
}

func (r *remoteFlags) check(given map[string]bool) error {
	for _, f := range []string{"token", "ca"} {
		if given[f] && !given["url"] {
			return fmt.Errorf("-%s goes with -url: the node that runs here is asked by its own settings", f)
		}
	}
	if !given["url"] {
		return nil
	}
	_, err := r.parse()
	return err
}

// parse reads the address of the node's web server.
func (r *remoteFlags) parse() (*url.URL, error) {
	u, err := url.Parse(r.url)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("-url: %q is not the address of a web server, such as https://call.example.org", r.url)
	}
	// As people copy it from a browser.
	for _, page := range []string{"/", "/sfu", "/status", "/servers"} {
		u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), page)
	}
	u.Fragment = ""
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && r.token != "" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("-token is not sent over http, where others can read it: the address begins with https")
	}
	return u, nil
}

const (
	maxTokenFile = 8 << 10  // bytes
	maxCAFile    = 64 << 10 // bytes
)

// server is the web server of that node.
func (r *remoteFlags) server(in io.Reader) (*server, error) {
	u, err := r.parse()
	if err != nil {
		return nil, err
	}
	s := &server{address: u.Host, base: strings.TrimRight(u.String(), "/")}
	transport := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	if r.ca != "" {
		text, err := readSome(r.ca, nil, maxCAFile)
		if err != nil {
			return nil, fmt.Errorf("-ca: %w", err)
		}
		pool := x509.NewCertPool()
		if cert, err := x509.ParseCertificate(text); err == nil { // as /ca.crt gives it
			pool.AddCert(cert)
		} else if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("-ca: %s holds no certificate", r.ca)
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	if r.token != "" {
		text, err := readSome(r.token, in, maxTokenFile)
		if err != nil {
			return nil, fmt.Errorf("-token: %w", err)
		}
		if s.token = strings.TrimSpace(string(text)); s.token == "" || strings.ContainsFunc(s.token, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, fmt.Errorf("-token: %s holds no token: 'umbrellad token -room \"*\" -rights admin' makes one at that node", r.token)
		}
	}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// readSome reads a file that is not too long; "-" is the standard input, where there is one.
func readSome(name string, stdin io.Reader, limit int64) ([]byte, error) {
	from := stdin
	if name != "-" || stdin == nil {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return text, err
}

// unreachable says why another node does not answer.
func (r *remoteFlags) unreachable(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("the certificate of %s is signed by nobody whom this machine knows: get its /ca.crt over a way that you trust, and name that file by -ca", r.url)
	}
	return fmt.Errorf("no umbrellad answers at %s: %w", r.url, innermost(err))
}
