package onvif

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/credential"
	"umbrella/internal/inet"
)

// Reasons why a camera gives no still picture. Their text is for people.
var (
	// ErrNoStill: it does not offer them.
	ErrNoStill = errors.New("the camera offers no snapshots over ONVIF")
	// ErrNotJPEG: what it gives is something else.
	ErrNotJPEG = errors.New("what the camera gives as a snapshot is no JPEG")
	// ErrClear: it takes the password in clear text (Basic) only, at an address that the
	// settings do not name.
	ErrClear = errors.New("the camera wants the password for its snapshots in clear text (Basic)")
	// ErrStillTooLarge: it is longer than 4 MiB.
	ErrStillTooLarge = errors.New("the camera's snapshot is larger than 4 MiB")
)

const (
	maxStill = 4 << 20 // bytes
	// findWait is how long a camera is looked for that has its ONVIF at another
	// port than that of HTTP.
	findWait = 2 * time.Second
)

// Still takes pictures, as JPEG, of the camera that sends a stream, by its
// snapshots (ONVIF Media §5.15, Media2 §5.15). It finds the camera and the
// address of its snapshots when it is first asked, and remembers them. Set the
// fields first.
type Still struct {
	// Stream is the RTSP URL, with the user and the password.
	Stream string
	// Service is the address of the camera's device service, as At takes it. Where it
	// is empty the camera is looked for at the host of Stream. Basic goes to the place
	// that it names, and to no other.
	Service string

	mu     sync.Mutex
	device Device
	login  credential.Credential
	urls   []*url.URL // where the snapshots may be, the likeliest first; nil: not known
}

// Take gives the picture that there is now. Errors are in words; ErrNoStill,
// ErrNotJPEG, ErrClear, ErrStillTooLarge and those of Device.Streams are among them.
func (s *Still) Take(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	login := credential.FromURL(s.Stream)
	if s.Service != "" {
		named, err := At(s.Service)
		if err != nil {
			return nil, err
		}
		login = login.And(named.Services[0])
	}
	if len(s.urls) > 0 {
		picture, err := s.fetch(ctx)
		if err == nil || ctx.Err() != nil {
			return picture, err
		}
		s.urls = nil // it may have moved
	}
	if err := s.find(ctx, login); err != nil {
		return nil, err
	}
	return s.fetch(ctx)
}

// fetch gets a picture from where it is, and remembers that.
func (s *Still) fetch(ctx context.Context) (picture []byte, err error) {
	for ; len(s.urls) > 0; s.urls = s.urls[1:] {
		picture, err = s.device.fetch(ctx, s.urls[0], s.login)
		if err == nil || ctx.Err() != nil || answered(err) || errors.Is(err, ErrClear) {
			return picture, err
		}
	}
	return nil, err
}

// find asks where the settings say, or else at the usual port of the stream's host,
// and then where a device that answers from that very host can be asked.
func (s *Still) find(ctx context.Context, login credential.Credential) error {
	_, authority, _, err := split(s.Stream)
	if err != nil {
		return err
	}
	host := authority
	if h, _, err := net.SplitHostPort(authority); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	usual, err := At(cmp.Or(s.Service, host))
	if err != nil {
		return err
	}
	s.device, s.login = usual, login
	s.urls, err = usual.stillURL(ctx, login, s.Stream)
	if err == nil || s.Service != "" || errors.Is(err, ErrRefused) || errors.Is(err, ErrNoPassword) || errors.Is(err, ErrNoStill) || ctx.Err() != nil {
		return err
	}
	var addrs []netip.Addr
	if a, e := netip.ParseAddr(strings.Replace(host, "%25", "%", 1)); e == nil {
		addrs = []netip.Addr{a.Unmap()}
	} else if addrs, e = inet.Lookup(ctx, host); e != nil {
		return err
	}
	found, e := Discover(ctx, Options{Wait: findWait})
	if e != nil {
		return err
	}
	if d, ok := from(found, addrs); ok {
		s.device, s.login = d, login.AndHost(addressOf(d.Address).String())
		s.urls, err = d.stillURL(ctx, s.login, s.Stream)
	}
	return err
}

// from is the device that answered from one of the addresses. What other devices say of
// the addresses is not looked at.
func from(found []Device, addrs []netip.Addr) (Device, bool) {
	i := slices.IndexFunc(found, func(d Device) bool {
		a := addressOf(d.Address).WithZone("")
		return slices.ContainsFunc(addrs, func(b netip.Addr) bool { return a == b.Unmap().WithZone("") })
	})
	if i < 0 {
		return Device{}, false
	}
	return found[i], true
}

// stillURL asks for the address of the snapshots that go with a stream.
func (d Device) stillURL(ctx context.Context, login credential.Credential, stream string) ([]*url.URL, error) {
	s, err := d.open(ctx, login)
	if err != nil {
		return nil, err
	}
	defer s.close()
	u, err := s.stillURL(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("camera at %s: %w", clean(s.device.Host), err)
	}
	return u, nil
}

func (s *session) stillURL(ctx context.Context, stream string) ([]*url.URL, error) {
	services, err := s.mediaServices(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, m := range services {
		profiles, err := s.profiles(ctx, &m)
		if err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		p, err := sends(profiles, stream)
		if err != nil {
			return nil, err
		}
		namespace := nsMedia
		if m.second {
			namespace = nsMedia2
		}
		var answer struct {
			First  string `xml:"MediaUri>Uri"`
			Second string `xml:"Uri"`
		}
		err = s.ask(ctx, m.url(), `<GetSnapshotUri xmlns="`+namespace+`"><ProfileToken>`+escape(p.Token)+`</ProfileToken></GetSnapshotUri>`, &answer)
		if unknown(err) {
			failed = fmt.Errorf("%w (%w)", ErrNoStill, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if text := cmp.Or(answer.First, answer.Second); strings.TrimSpace(text) != "" {
			if u := s.here(text); u != nil {
				return u, nil
			}
		}
		failed = ErrNoStill
	}
	return nil, cmp.Or(failed, ErrNoStill)
}

// sends is the profile whose stream it is, or the main one of a camera that has
// one picture only.
func sends(profiles []Profile, stream string) (Profile, error) {
	_, _, wanted, err := split(stream)
	if err != nil {
		return Profile{}, err
	}
	for _, p := range profiles {
		if _, _, rest, err := split(p.URL); err == nil && rest == wanted {
			return p, nil
		}
	}
	assignRoles(profiles)
	for _, p := range profiles {
		if p.Source != profiles[0].Source {
			return Profile{}, fmt.Errorf("%w of this stream: the recorder has several cameras, and none of them has its address", ErrNoStill)
		}
	}
	if i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Role == Main }); i >= 0 {
		return profiles[i], nil
	}
	return profiles[0], nil
}

// fetch gets a JPEG. A redirect is not followed. The password goes as Digest, or as
// Basic where the camera takes nothing else and the settings name the very place.
func (d Device) fetch(ctx context.Context, at *url.URL, login credential.Credential) ([]byte, error) {
	client := newClient(d.reach)
	defer client.CloseIdleConnections()
	response, err := get(ctx, client, at, "")
	if err != nil {
		return nil, inWords(err)
	}
	if response.StatusCode == http.StatusUnauthorized {
		response.Body.Close()
		signer, err := login.Answer(at, response.Header.Values("WWW-Authenticate"), false)
		switch {
		case errors.Is(err, credential.ErrNone):
			return nil, ErrNoPassword
		case errors.Is(err, credential.ErrBasic):
			return nil, fmt.Errorf("%w: set onvif to %s://%s if this is the camera", ErrClear, at.Scheme, at.Host)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		if response, err = get(ctx, client, at, signer.Authorization(http.MethodGet, at.RequestURI())); err != nil {
			return nil, inWords(err)
		}
	}
	defer response.Body.Close()
	switch code := response.StatusCode; code {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, ErrRefused
	default:
		return nil, fmt.Errorf("the camera gives no snapshot (HTTP status %d)", code)
	}
	picture, err := io.ReadAll(io.LimitReader(response.Body, maxStill+1))
	switch {
	case err != nil:
		return nil, inWords(err)
	case len(picture) > maxStill:
		return nil, ErrStillTooLarge
	case !bytes.HasPrefix(picture, []byte{0xff, 0xd8, 0xff}):
		return nil, ErrNotJPEG
	}
	return picture, nil
}

func get(ctx context.Context, client *http.Client, at *url.URL, authorization string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "image/jpeg")
	r.Header.Set("User-Agent", "Umbrella")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return client.Do(r)
}
