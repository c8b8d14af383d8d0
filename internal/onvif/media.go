package onvif

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"umbrella/internal/credential"
)

// Information asks the camera for its make. The login may be empty: some cameras
// tell anybody.
func (d Device) Information(ctx context.Context, login credential.Credential) (Information, error) {
	ctx, cancel := context.WithTimeout(ctx, streamsTimeout)
	defer cancel()
	s, err := d.open(ctx, login)
	if err != nil {
		return Information{}, err
	}
	defer s.close()
	var answer struct {
		Manufacturer, Model, FirmwareVersion, SerialNumber string
	}
	if err := s.ask(ctx, s.device, `<GetDeviceInformation xmlns="`+nsDevice+`"/>`, &answer); err != nil {
		return Information{}, fmt.Errorf("camera at %s: %w", clean(s.device.Host), err)
	}
	return Information{
		Manufacturer: clean(answer.Manufacturer), Model: clean(answer.Model),
		Firmware: clean(answer.FirmwareVersion), Serial: clean(answer.SerialNumber),
	}, nil
}

// Streams asks the camera for what it can send over RTSP, in its own order. The
// login may be empty: some cameras tell anybody. It takes 30 s at most. Errors
// are in words; ErrNoPassword, ErrRefused, ErrNotONVIF, ErrNotLocal and
// ErrTooLarge are among them.
func (d Device) Streams(ctx context.Context, login credential.Credential) ([]Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, streamsTimeout)
	defer cancel()
	s, err := d.open(ctx, login)
	if err != nil {
		return nil, err
	}
	defer s.close()
	profiles, err := s.streams(ctx)
	if err != nil {
		return nil, fmt.Errorf("camera at %s: %w", clean(s.device.Host), err)
	}
	assignRoles(profiles)
	return profiles, nil
}

// media is a media service: of version 2, which alone knows H.265, or 1. at are the
// URLs that it may be at, the likeliest first.
type media struct {
	second bool
	at     []*url.URL
}

// url is where it is taken to be.
func (m media) url() *url.URL { return m.at[0] }

func (s *session) streams(ctx context.Context) ([]Profile, error) {
	services, err := s.mediaServices(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, m := range services {
		profiles, err := s.profiles(ctx, &m)
		if err == nil && len(profiles) > 0 {
			return profiles, nil
		}
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoPassword) || ctx.Err() != nil {
			return nil, err
		}
		failed = cmp.Or(err, failed)
	}
	return nil, cmp.Or(failed, errors.New("the camera has no media profile: make one in its settings"))
}

// mediaServices are those to ask, the best first.
func (s *session) mediaServices(ctx context.Context) ([]media, error) {
	var listed struct {
		Service few[struct{ Namespace, XAddr string }]
	}
	err := s.ask(ctx, s.device, `<GetServices xmlns="`+nsDevice+`"><IncludeCapability>false</IncludeCapability></GetServices>`, &listed)
	if err != nil && !unknown(err) {
		return nil, fmt.Errorf("asking for its services: %w", err)
	}
	var one, two []*url.URL
	for _, l := range listed.Service {
		switch strings.TrimRight(strings.TrimSpace(l.Namespace), "/") {
		case nsMedia:
			one = s.here(l.XAddr)
		case nsMedia2:
			two = s.here(l.XAddr)
		}
	}
	if one == nil && two == nil {
		// Cameras of before 2011 do not know GetServices.
		var old struct {
			XAddr string `xml:"Capabilities>Media>XAddr"`
		}
		err = s.ask(ctx, s.device, `<GetCapabilities xmlns="`+nsDevice+`"><Category>Media</Category></GetCapabilities>`, &old)
		if err != nil && !unknown(err) {
			return nil, fmt.Errorf("asking for its services: %w", err)
		}
		// Where it names none, mostly one service answers everything.
		if one = s.here(old.XAddr); one == nil {
			one = []*url.URL{s.device}
		}
	}
	var all []media
	if two != nil {
		all = append(all, media{true, two})
	}
	if one != nil {
		all = append(all, media{false, one})
	}
	return all, nil
}

// unknown tells that the camera may only not know this question.
func unknown(err error) bool {
	var f *fault
	return errors.As(err, &f) || errors.Is(err, ErrNotONVIF)
}

// here are the URLs at which a service of the camera may be that it names by a URL of
// its own. All are at the host that the camera was reached at: a camera sends the node
// nowhere else. Where it names another host, by which it may go elsewhere, the port may
// mean something or not: that one is tried first, and then the one of the device.
func (s *session) here(text string) []*url.URL {
	u, err := parseService(strings.TrimSpace(text))
	if err != nil {
		return nil
	}
	if u.Hostname() == s.device.Hostname() && u.Scheme == s.device.Scheme {
		return []*url.URL{u}
	}
	known := *u
	known.Scheme, known.Host = s.device.Scheme, s.device.Host
	if u.Port() == "" || u.Scheme != s.device.Scheme {
		return []*url.URL{&known}
	}
	host := s.device.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Host = host + ":" + u.Port(); u.Host == known.Host {
		return []*url.URL{&known}
	}
	return []*url.URL{u, &known}
}

// answered reports whether an error is what the camera said of the question, so that
// nothing is gained where it is asked elsewhere.
func answered(err error) bool {
	var f *fault
	return errors.As(err, &f) || errors.Is(err, ErrRefused) || errors.Is(err, ErrNoPassword)
}

// profiles are the service's profiles that have a stream. Of the places where the
// service may be it leaves those from which it was answered.
func (s *session) profiles(ctx context.Context, m *media) ([]Profile, error) {
	question := `<GetProfiles xmlns="` + nsMedia + `"/>`
	if m.second {
		question = `<GetProfiles xmlns="` + nsMedia2 + `"><Type>VideoSource</Type><Type>VideoEncoder</Type><Type>AudioEncoder</Type></GetProfiles>`
	}
	var answer struct{ Profiles few[profile] }
	err := s.ask(ctx, m.url(), question, &answer)
	for ; len(m.at) > 1 && err != nil && ctx.Err() == nil && !answered(err); err = s.ask(ctx, m.url(), question, &answer) {
		m.at = m.at[1:]
	}
	if err != nil {
		return nil, fmt.Errorf("asking for its profiles: %w", err)
	}
	var (
		found  []Profile
		failed error
	)
	for _, given := range first(answer.Profiles, maxProfiles) {
		p := given.profile()
		var err error
		if p.URL, err = s.streamURL(ctx, *m, given.Token); err == nil {
			found = append(found, p)
			continue
		}
		// One that is incomplete has no URL. Others may have.
		failed = fmt.Errorf("asking for the stream of %q: %w", p.Name, err)
		if !unknown(err) && !errors.Is(err, errURL) {
			break // what is known by now may be all that is needed
		}
	}
	if len(found) == 0 {
		return nil, failed
	}
	return found, nil
}

// errURL marks that the URL of a stream is of no use.
var errURL = errors.New("the camera gives no URL that can be used")

func (s *session) streamURL(ctx context.Context, m media, token string) (string, error) {
	question := `<GetStreamUri xmlns="` + nsMedia + `"><StreamSetup><Stream xmlns="` + nsSchema + `">RTP-Unicast</Stream>` +
		`<Transport xmlns="` + nsSchema + `"><Protocol>RTSP</Protocol></Transport></StreamSetup>` +
		`<ProfileToken>` + escape(token) + `</ProfileToken></GetStreamUri>`
	if m.second {
		question = `<GetStreamUri xmlns="` + nsMedia2 + `"><Protocol>RTSP</Protocol>` +
			`<ProfileToken>` + escape(token) + `</ProfileToken></GetStreamUri>`
	}
	var answer struct {
		First  string `xml:"MediaUri>Uri"`
		Second string `xml:"Uri"`
	}
	if err := s.ask(ctx, m.url(), question, &answer); err != nil {
		return "", err
	}
	stream, err := reachable(cmp.Or(answer.First, answer.Second), s.device.Hostname())
	if err != nil {
		return "", fmt.Errorf("%w: %w", errURL, err)
	}
	return stream, nil
}

// profile is a media profile as version 1 or 2 of the service tells of it.
type profile struct {
	Token       string        `xml:"token,attr"`
	Name        string        `xml:"Name"`
	Source      string        `xml:"VideoSourceConfiguration>SourceToken"`
	Video       *videoEncoder `xml:"VideoEncoderConfiguration"`
	Audio       string        `xml:"AudioEncoderConfiguration>Encoding"`
	SecondVideo *videoEncoder `xml:"Configurations>VideoEncoder"`
	SecondFrom  string        `xml:"Configurations>VideoSource>SourceToken"`
	SecondAudio string        `xml:"Configurations>AudioEncoder>Encoding"`
}

type videoEncoder struct {
	Encoding  string `xml:"Encoding"`
	Width     number `xml:"Resolution>Width"`
	Height    number `xml:"Resolution>Height"`
	FrameRate number `xml:"RateControl>FrameRateLimit"`
	BitRate   number `xml:"RateControl>BitrateLimit"`
	GOP       number `xml:"H264>GovLength"`
	SecondGOP number `xml:"GovLength,attr"`
}

func (g profile) profile() Profile {
	v := cmp.Or(g.Video, g.SecondVideo)
	if v == nil {
		v = &videoEncoder{}
	}
	p := Profile{
		Token: clean(g.Token), Name: clean(cmp.Or(g.Name, g.Token)),
		Source: clean(cmp.Or(g.Source, g.SecondFrom)),
		Codec:  strings.ToUpper(clean(v.Encoding)),
		Width:  int(v.Width), Height: int(v.Height),
		FrameRate: float64(v.FrameRate), BitRate: int(v.BitRate), GOP: int(cmp.Or(v.GOP, v.SecondGOP)),
		AudioCodec: clean(cmp.Or(g.Audio, g.SecondAudio)),
	}
	switch p.Codec {
	case "H.264":
		p.Codec = "H264"
	case "H.265", "HEVC":
		p.Codec = "H265"
	case "MJPEG":
		p.Codec = "JPEG"
	case "MPV4-ES":
		p.Codec = "MPEG4"
	}
	return p
}

// assignRoles says, for each source, which profiles to use: of H.264, which
// every browser shows, or else of H.265.
func assignRoles(profiles []Profile) {
	sources := map[string][]*Profile{}
	for i := range profiles {
		sources[profiles[i].Source] = append(sources[profiles[i].Source], &profiles[i])
	}
	for _, of := range sources {
		for _, codec := range []string{"H264", "H265"} {
			var largest, smallest *Profile
			for _, p := range of {
				if p.Codec != codec {
					continue
				}
				if largest == nil || p.larger(largest) {
					largest = p
				}
				if smallest == nil || smallest.larger(p) {
					smallest = p
				}
			}
			if largest == nil {
				continue
			}
			largest.Role = Main
			if smallest.Width*smallest.Height < largest.Width*largest.Height && smallest.Width > 0 {
				smallest.Role = Sub
			}
			break
		}
	}
}

// larger compares by pixels, and by bit rate where they are the same.
func (p *Profile) larger(than *Profile) bool {
	a, b := p.Width*p.Height, than.Width*than.Height
	return a > b || a == b && p.BitRate > than.BitRate
}
