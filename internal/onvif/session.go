package onvif

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"umbrella/internal/credential"
	"umbrella/internal/inet"
)

// session asks one camera, one question after the other.
type session struct {
	client *http.Client
	device *url.URL
	login  credential.Credential
	// offset is how far the camera's clock is ahead of ours.
	offset time.Duration
	// digest is set once the camera takes that and no token.
	digest *credential.Signer
}

// open finds the first of the device's services that answers, and its clock.
func (d Device) open(ctx context.Context, login credential.Credential) (*session, error) {
	if !login.Valid() {
		return nil, errors.New("the user name or the password is longer than a camera takes, or has control characters")
	}
	err := errors.New("the camera names no address of its service")
	for _, text := range first(d.Services, maxServices) {
		var u *url.URL
		if u, err = parseService(text); err != nil {
			err = fmt.Errorf("the camera's service %q: %w", clean(text), err)
			continue
		}
		s := &session{client: newClient(d.reach), device: u, login: login}
		if err = s.clock(ctx); err == nil {
			return s, nil
		}
		s.close()
		err = fmt.Errorf("camera at %s: %w", clean(u.Host), err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (s *session) close() { s.client.CloseIdleConnections() }

// newClient connects to the local network only, and to itself as far as it may, whatever a name resolves to.
// No camera has a certificate that could be checked; what is sent is digested.
func newClient(may reach) *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err == nil {
			err = may.check(a.Addr())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		return nil
	}}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return inet.Dial(ctx, dialer, network, address)
			},
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: true},
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    1,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is what came back: the answer is decoded, or err is why not, a *fault
// for example.
type reply struct {
	status int
	header http.Header
	err    error
}

func (r reply) unauthorized() bool {
	var f *fault
	return r.status == http.StatusUnauthorized || r.status == http.StatusForbidden ||
		errors.As(r.err, &f) && f.unauthorized()
}

// result is the error that the caller of a question gets.
func (r reply) result() error {
	var f *fault
	switch {
	case r.err == nil && r.status == http.StatusOK, errors.As(r.err, &f):
		return r.err
	case r.status == http.StatusOK:
		return fmt.Errorf("%w (%w)", ErrNotONVIF, shown(r.err))
	case r.status == http.StatusNotFound:
		return ErrNotONVIF
	}
	return fmt.Errorf("%w (HTTP status %d)", ErrNotONVIF, r.status)
}

// ask sends a question as the user and decodes the answer into out. The token
// of WS-Security is tried first, and HTTP's Digest where the camera wants that.
func (s *session) ask(ctx context.Context, service *url.URL, question string, out any) error {
	signed, err := s.withToken(service, question)
	if err != nil {
		return err
	}
	r, err := s.send(ctx, service, signed, s.digest, out)
	if err != nil {
		return err
	}
	if !r.unauthorized() {
		return r.result()
	}
	if !s.login.Known() {
		return ErrNoPassword
	}
	c := s.challenge(service, r)
	worked := s.digest != nil
	if c == nil && !worked {
		// Some challenge only who comes without a token, some mind a token where
		// none is needed.
		r, err = s.send(ctx, service, envelope("", question), nil, out)
		if err != nil {
			return err
		}
		if !r.unauthorized() {
			return r.result()
		}
		c = s.challenge(service, r)
	}
	// A wrong password is not sent again and again: cameras lock users out.
	for range 2 {
		if c == nil {
			break
		}
		if r, err = s.send(ctx, service, envelope("", question), c, out); err != nil {
			return err
		}
		if !r.unauthorized() {
			s.digest = c
			return r.result()
		}
		if c = s.challenge(service, r); c != nil && !c.Stale() {
			break
		}
	}
	return refusal(r)
}

// challenge is what meets a challenge of Digest, or nil: SOAP is never signed by Basic.
func (s *session) challenge(service *url.URL, r reply) *credential.Signer {
	// Said to be after a redirect, so that Basic is not met.
	c, err := s.login.Answer(service, r.header.Values("WWW-Authenticate"), true)
	if err != nil {
		return nil
	}
	return c
}

// refusal is ErrRefused, with what the camera says where the user is locked.
func refusal(r reply) error {
	var f *fault
	if errors.As(r.err, &f) && strings.Contains(strings.ToLower(f.reason()), "lock") {
		return fmt.Errorf("%w: %w", ErrRefused, f)
	}
	return ErrRefused
}

func envelope(header, question string) []byte {
	if header != "" {
		header = "<s:Header>" + header + "</s:Header>"
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="%s">%s<s:Body>%s</s:Body></s:Envelope>`,
		nsEnvelope, header, question)
}

// withToken is the question in an envelope, signed unless there is no user, or
// Digest does it.
func (s *session) withToken(service *url.URL, question string) ([]byte, error) {
	if !s.login.Known() || s.digest != nil {
		return envelope("", question), nil
	}
	header, err := securityHeader(s.login, service, time.Now().Add(s.offset))
	return envelope(header, question), err
}

// securityHeader is the header of WS-Security with a UsernameToken whose
// password is digested (OASIS, UsernameToken Profile 1.0). The time is the
// camera's: many refuse what is seconds away from their own clock.
func securityHeader(login credential.Credential, to *url.URL, cameraTime time.Time) (string, error) {
	const (
		wss   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
		token = wss + "username-token-profile-1.0#PasswordDigest"
	)
	var nonce [16]byte
	rand.Read(nonce[:])
	created := cameraTime.UTC().Format("2006-01-02T15:04:05.000Z")
	user, digest, err := login.PasswordDigest(to, nonce[:], created)
	return fmt.Sprintf(`<w:Security xmlns:w="%swssecurity-secext-1.0.xsd" s:mustUnderstand="1"><w:UsernameToken>`+
		`<w:Username>%s</w:Username><w:Password Type="%s">%s</w:Password>`+
		`<w:Nonce EncodingType="%ssoap-message-security-1.0#Base64Binary">%s</w:Nonce>`+
		`<u:Created xmlns:u="%swssecurity-utility-1.0.xsd">%s</u:Created></w:UsernameToken></w:Security>`,
		wss, escape(user), token, digest,
		wss, base64.StdEncoding.EncodeToString(nonce[:]), wss, created), err
}

// send posts a message and follows the camera's redirects to itself, as from
// HTTP to HTTPS.
func (s *session) send(ctx context.Context, service *url.URL, message []byte, digest *credential.Signer, out any) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for range 4 {
		r, err := s.post(ctx, service, message, digest, out)
		if err != nil {
			return reply{}, inWords(err)
		}
		if r.status < 300 || r.status > 399 {
			return r, nil
		}
		to, err := service.Parse(r.header.Get("Location"))
		if err != nil || to.Hostname() != service.Hostname() ||
			to.Scheme != "https" && to.Scheme != service.Scheme {
			return reply{}, fmt.Errorf("%w: it sends to another address", ErrNotONVIF)
		}
		to.User = nil
		service = to
	}
	return reply{}, fmt.Errorf("%w: it sends from one address to the next", ErrNotONVIF)
}

func (s *session) post(ctx context.Context, service *url.URL, message []byte, digest *credential.Signer, out any) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, service.String(), bytes.NewReader(message))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/soap+xml; charset=utf-8")
	request.Header.Set("User-Agent", "Umbrella")
	if digest != nil {
		request.Header.Set("Authorization", digest.Authorization(http.MethodPost, service.RequestURI()))
	}
	response, err := s.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return reply{}, fmt.Errorf("reading the camera's answer: %w", shown(err))
	}
	if len(body) > maxAnswer {
		return reply{}, ErrTooLarge
	}
	return reply{status: response.StatusCode, header: response.Header, err: decode(body, out)}, nil
}

// inWords drops what says nothing to people, such as the URL again.
func inWords(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrTooLarge):
		return err
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the camera did not answer in time: %w", shown(err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the camera hung up: is this the port of its web page? (%w)", err)
	}
	return fmt.Errorf("asking the camera: %w", shown(err))
}

// said is an error of a library, which may quote what a camera sent.
type said struct {
	error
	words string
}

func (s *said) Error() string { return s.words }
func (s *said) Unwrap() error { return s.error }

// shown is the same error with words that may be shown.
func shown(err error) error { return &said{err, clean(err.Error())} }

// clock learns the camera's time, which is told to anybody, and with it whether
// there is a camera at all.
func (s *session) clock(ctx context.Context) error {
	var answer struct {
		UTC *struct {
			Hour   number `xml:"Time>Hour"`
			Minute number `xml:"Time>Minute"`
			Second number `xml:"Time>Second"`
			Year   number `xml:"Date>Year"`
			Month  number `xml:"Date>Month"`
			Day    number `xml:"Date>Day"`
		} `xml:"SystemDateAndTime>UTCDateTime"`
	}
	r, err := s.send(ctx, s.device, envelope("", `<GetSystemDateAndTime xmlns="`+nsDevice+`"/>`), nil, &answer)
	if err != nil {
		return err
	}
	now := time.Now()
	if t := answer.UTC; r.err == nil && t != nil && t.Year >= 1970 && t.Year < 2200 {
		s.offset = time.Date(int(t.Year), time.Month(t.Month), int(t.Day),
			int(t.Hour), int(t.Minute), int(t.Second), 0, time.UTC).Sub(now)
		return nil
	}
	if t, err := http.ParseTime(r.header.Get("Date")); err == nil {
		s.offset = t.Sub(now)
	}
	var f *fault
	if r.unauthorized() || errors.As(r.err, &f) {
		return nil
	}
	return r.result()
}
