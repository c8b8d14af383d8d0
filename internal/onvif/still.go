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
)

// Reasons why a camera gives no still picture. Their text is for people.
var (
	// ErrNoStill: it does not offer them.
	ErrNoStill = errors.New("the camera offers no snapshots over ONVIF")
	// ErrNotJPEG: what it gives is something else.
	ErrNotJPEG = errors.New("what the camera gives as a snapshot is no JPEG")
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
// fields; one call of Take at a time.
type Still struct {
	// Stream is the RTSP URL, with the user and the password.
	Stream string

	mu     sync.Mutex
	device Device
	url    *url.URL // nil: not known
}

// Take gives the picture that there is now. Errors are in words; ErrNoStill,
// ErrNotJPEG, ErrStillTooLarge and those of Device.Streams are among them.
func (s *Still) Take(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password := credentials(s.Stream)
	if s.url != nil {
		picture, err := s.device.fetch(ctx, s.url, user, password)
		if err == nil || ctx.Err() != nil {
			return picture, err
		}
		s.url = nil // it may have moved
	}
	if err := s.find(ctx, user, password); err != nil {
		return nil, err
	}
	return s.device.fetch(ctx, s.url, user, password)
}

// credentials are the user and the password in the URL of a stream.
func credentials(stream string) (user, password string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(stream), "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		if u, err := url.Parse(scheme + "://" + rest[:at] + "@host"); err == nil {
			password, _ = u.User.Password()
			return u.User.Username(), password
		}
	}
	return "", ""
}

// find asks at the usual port first, and then where a device of that address
// says that it can be asked.
func (s *Still) find(ctx context.Context, user, password string) error {
	_, authority, _, err := split(s.Stream)
	if err != nil {
		return err
	}
	host := authority
	if h, _, err := net.SplitHostPort(authority); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	usual, err := At(host)
	if err != nil {
		return err
	}
	s.device = usual
	s.url, err = usual.stillURL(ctx, user, password, s.Stream)
	if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrNoPassword) || errors.Is(err, ErrNoStill) || ctx.Err() != nil {
		return err
	}
	var addrs []netip.Addr
	if a, e := netip.ParseAddr(host); e == nil {
		addrs = []netip.Addr{a.Unmap()}
	} else if addrs, e = net.DefaultResolver.LookupNetIP(ctx, "ip", host); e != nil {
		return err
	}
	found, e := Discover(ctx, Options{Wait: findWait})
	if e != nil {
		return err
	}
	for _, d := range found {
		if slices.ContainsFunc(d.Services, func(service string) bool { return isAt(service, addrs) }) {
			s.device = d
			s.url, err = d.stillURL(ctx, user, password, s.Stream)
			return err
		}
	}
	return err
}

// isAt tells that a service has one of the addresses.
func isAt(service string, addrs []netip.Addr) bool {
	u, err := url.Parse(service)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && slices.ContainsFunc(addrs, func(b netip.Addr) bool {
		return a.Unmap().WithZone("") == b.Unmap().WithZone("")
	})
}

// stillURL asks for the address of the snapshots that go with a stream.
func (d Device) stillURL(ctx context.Context, user, password, stream string) (*url.URL, error) {
	s, err := d.open(ctx, user, password)
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

func (s *session) stillURL(ctx context.Context, stream string) (*url.URL, error) {
	services, err := s.mediaServices(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, m := range services {
		profiles, err := s.profiles(ctx, m)
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
		err = s.ask(ctx, m.url, `<GetSnapshotUri xmlns="`+namespace+`"><ProfileToken>`+escape(p.Token)+`</ProfileToken></GetSnapshotUri>`, &answer)
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

// fetch gets a JPEG. The password goes as Digest, or as Basic where the camera
// takes nothing else.
func (d Device) fetch(ctx context.Context, at *url.URL, user, password string) ([]byte, error) {
	client := newClient(d.reach)
	defer client.CloseIdleConnections()
	response, err := get(ctx, client, at, "")
	if err != nil {
		return nil, inWords(err)
	}
	if response.StatusCode == http.StatusUnauthorized {
		response.Body.Close()
		if user == "" {
			return nil, ErrNoPassword
		}
		authorization := ""
		if c := parseChallenge(response.Header); c != nil {
			authorization = c.answer(http.MethodGet, at.RequestURI(), user, password)
		} else if basic(response.Header) {
			r := &http.Request{Header: http.Header{}}
			r.SetBasicAuth(user, password)
			authorization = r.Header.Get("Authorization")
		} else {
			return nil, ErrRefused
		}
		if response, err = get(ctx, client, at, authorization); err != nil {
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

// basic tells that the camera takes HTTP's Basic.
func basic(h http.Header) bool {
	return slices.ContainsFunc(h.Values("WWW-Authenticate"), func(line string) bool {
		return slices.ContainsFunc(challenges(line), func(c map[string]string) bool { return strings.EqualFold(c[""], "Basic") })
	})
}
