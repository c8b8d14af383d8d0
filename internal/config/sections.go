package config

import (
	"crypto/tls"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"umbrella/internal/names"
)

// config reads every section and checks each by itself and against the others.
func (l *loader) config(sections []*section) *Config {
	sections, main := ensure(sections, typeMain, sectionMain)
	cfg := &Config{Main: l.main(main)}
	for _, s := range sections {
		switch s.kind {
		case typeMain:
			if s != main {
				l.problems = append(l.problems, Problem{
					File: l.path, Section: s.name,
					Reason:  "of type " + quoted(typeMain) + " is one too many",
					Allowed: "there is one, written config umbrella 'main'",
				})
			}
		case TypeRoom:
			cfg.Rooms = append(cfg.Rooms, l.room(s))
		case TypeBackhaul:
			cfg.Backhauls = append(cfg.Backhauls, l.backhaul(s))
		case TypeCamera:
			cfg.Cameras = append(cfg.Cameras, l.camera(s))
		}
	}
	l.checkRooms(sections, cfg.Rooms)
	l.checkBackhauls(sections, cfg.Backhauls)
	l.checkCameras(sections, cfg.Cameras)
	return cfg
}

// ensure returns the section of that kind and name, added if it is not there.
func ensure(sections []*section, kind, name string) ([]*section, *section) {
	for _, s := range sections {
		if s.kind == kind && s.name == name {
			return sections, s
		}
	}
	s := &section{kind: kind, name: name, entries: map[string]entry{}}
	return append(sections, s), s
}

// ofKind returns the sections of one kind, in order.
func ofKind(sections []*section, kind string) []*section {
	var of []*section
	for _, s := range sections {
		if s.kind == kind {
			of = append(of, s)
		}
	}
	return of
}

func (l *loader) main(s *section) Main {
	m := Main{
		Enabled:       one(l, s, "enabled", parseBool),
		Listen:        one(l, s, "listen", parseListen),
		Prefix:        one(l, s, "prefix", parsePrefix),
		TLS:           one(l, s, "tls", parseWord(tlsModes())),
		MediaPort:     one(l, s, "media_port", parsePort),
		TURN:          one(l, s, "turn", parseBool),
		TURNURL:       many(l, s, "turn_url", parseTURNURL),
		PublicAddress: many(l, s, "public_address", parsePublicAddress),
		WAN:           one(l, s, "wan", parseBool),
		Zones:         many(l, s, "zone", parseZone),
		TrustedProxy:  many(l, s, "trusted_proxy", parseProxy),
		CORSOrigin:    many(l, s, "cors_origin", parseOrigin),
		Access:        one(l, s, "access", parseWord(accessesOfOthers())),
		MaxRooms:      one(l, s, "max_rooms", parseNumber(0, 10000)),
		PublishLimit:  one(l, s, "publish_limit", parseNumber(0, 1_000_000)),
		AdminPassword: Secret(one(l, s, "admin_password", parsePassword(8))),
		TokenKey:      one(l, s, "token_key", parseFile),
		StateDir:      one(l, s, "state_dir", parseDirectory),
		LogLevel:      one(l, s, "log_level", parseLogLevel),
	}
	if m.TLS == TLSFiles {
		m.Cert = one(l, s, "cert", parseFile)
		m.Key = one(l, s, "key", parseFile)
		for _, option := range []string{"cert", "key"} {
			if !s.has(option) {
				l.missing(s, option, "tls 'files' needs it")
			}
		}
		l.pair(s, m.Cert, m.Key)
	} else {
		for _, option := range []string{"cert", "key"} {
			if s.has(option) {
				l.warn(s, option, "is not used: tls is not 'files'")
			}
		}
	}
	if m.WAN && !slices.Contains(m.Zones, zoneWAN) {
		m.Zones = append(m.Zones, zoneWAN)
	}
	l.zones(s, m)
	l.acme(s, &m)
	switch {
	case !m.TURN && s.has("turn_url"):
		l.warn(s, "turn_url", "is not used: turn is 0")
	case m.TURN && m.TLS == TLSOff && !s.has("turn_url"):
		l.warn(s, "turn", "is of no use: with tls 'off' a proxy is in front, and turn_url has to say where that takes TURN")
	}
	if m.Listen != "" && m.MediaPort != 0 && portOf(m.Listen) == m.MediaPort {
		l.wrong(s, "media_port", "is the port of listen as well",
			"both take TCP connections, so they need two ports")
	}
	return m
}

// pair sees to it that the key is the certificate's: without that, no web server
// starts.
func (l *loader) pair(s *section, cert, key string) {
	texts := map[string]string{}
	for option, path := range map[string]string{"cert": cert, "key": key} {
		if _, ok := parseFile(path); !ok {
			return // a problem already
		}
		text, err := Read(path)
		if err != nil {
			l.wrong(s, option, "cannot be read", err.Error())
			return
		}
		texts[option] = text
	}
	if _, err := tls.X509KeyPair([]byte(texts["cert"]), []byte(texts["key"])); err != nil {
		l.wrong(s, "key", "does not go with cert", err.Error())
	}
}

// acme reads what tls 'acme' goes by.
func (l *loader) acme(s *section, m *Main) {
	if m.TLS != TLSACME {
		for _, option := range []string{"acme_domain", "acme_email", "acme_directory", "acme_http"} {
			if s.has(option) {
				l.warn(s, option, "is not used: tls is not 'acme'")
			}
		}
		return
	}
	m.ACME = ACME{
		Domains:   many(l, s, "acme_domain", parseDomain),
		Email:     one(l, s, "acme_email", parseEmail),
		Directory: one(l, s, "acme_directory", parseDirectoryURL),
		HTTP:      one(l, s, "acme_http", parseListen),
	}
	if !s.has("acme_domain") {
		for _, a := range m.PublicAddress {
			if name, ok := parseDomain(a); ok {
				m.ACME.Domains = append(m.ACME.Domains, name)
			}
		}
		if len(m.ACME.Domains) == 0 {
			l.missing(s, "acme_domain", "tls 'acme' needs it, or a name in public_address")
		}
	}
	if port := portOf(m.ACME.HTTP); port != 0 && (port == portOf(m.Listen) || port == m.MediaPort) {
		l.wrong(s, "acme_http", "has the port of listen or media_port", "another port, such as ':80'")
	}
}

func (l *loader) warn(s *section, option, reason string) {
	p := l.where(s, option)
	p.Reason = reason
	l.warnings = append(l.warnings, p.Error())
}

func (l *loader) room(s *section) Room {
	r := Room{
		Section:         s.name,
		Name:            one(l, s, "name", parseRoomName),
		Password:        one(l, s, "password", parsePassword(1)),
		Access:          one(l, s, "access", parseWord(accesses())),
		MaxParticipants: one(l, s, "max_participants", parseNumber(0, 10000)),
	}
	if !s.has("name") {
		if s.unnamed {
			l.missing(s, "name", "a room needs one")
		} else {
			r.Name = s.name
		}
	}
	switch {
	case !s.has("access") && s.has("password"):
		// Whoever sets a password wants it asked for.
		r.Access = AccessPassword
	case r.Access == AccessPassword && !s.has("password"):
		l.missing(s, "password", "access 'password' needs it")
	case r.Access != AccessPassword && s.has("password"):
		l.warn(s, "password", "is not asked for: access is not 'password'")
	}
	return r
}

func (l *loader) checkRooms(sections []*section, rooms []Room) {
	first := map[string]string{}
	for i, s := range ofKind(sections, TypeRoom) {
		name := rooms[i].Name
		if name == "" {
			continue // it is wrong already
		}
		alike := ""
		for other, section := range first {
			if other == name {
				l.wrong(s, "name", "is the name of another room as well",
					quoted(name)+" is taken by the section "+quoted(section))
				alike = ""
				break
			}
			if names.RoomsAlike(other, name) {
				alike = section
			}
		}
		if alike != "" {
			l.wrong(s, "name", "looks the same as the name of another room",
				"the section "+quoted(alike)+" has one that looks like "+quoted(name))
		}
		if _, ok := first[name]; !ok {
			first[name] = s.name
		}
	}
}

func (l *loader) backhaul(s *section) Backhaul {
	b := Backhaul{
		Section:     s.name,
		Enabled:     one(l, s, "enabled", parseBool),
		URL:         one(l, s, "url", parseBackhaulURL),
		Secret:      one(l, s, "secret", parseSecret),
		Fingerprint: one(l, s, "fingerprint", parseFingerprint),
		Rooms:       many(l, s, "room", parseRoomName),
	}
	l.needsName(s)
	if b.Enabled {
		b.CA = one(l, s, "ca", parseFile)
	}
	if !s.has("url") && !s.has("secret") {
		if b.Enabled && s.has("enabled") {
			l.missing(s, "url", "a trunk that is enabled needs it, or a secret to accept one")
		}
		b.Enabled = false
	}
	if b.Enabled && inTheClear(b.URL) {
		l.warn(s, "url", "begins with ws://: whoever is on the way can read and change who is in the rooms and what they write")
	}
	for _, option := range []string{"fingerprint", "ca"} {
		switch {
		case !s.has(option):
		case !s.has("url"):
			l.warn(s, option, "is not used: there is no url to dial")
		case strings.HasPrefix(b.URL, "ws:"):
			l.wrong(s, option, "cannot be checked", "the url has to begin with wss://")
		}
	}
	return b
}

// inTheClear tells whether a trunk leaves the machine without TLS.
func inTheClear(trunk string) bool {
	u, err := url.Parse(trunk)
	if err != nil || u.Scheme != "ws" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback())
}

// checkBackhauls sees to it that a secret tells which trunk comes in.
func (l *loader) checkBackhauls(sections []*section, backhauls []Backhaul) {
	first := map[string]string{}
	for i, s := range ofKind(sections, TypeBackhaul) {
		b := backhauls[i]
		if !b.Enabled || b.URL != "" || s.has("url") || b.Secret == "" {
			continue
		}
		if other, ok := first[b.Secret]; ok {
			l.wrong(s, "secret", "is the secret of another trunk as well",
				"the section "+quoted(other)+" has it, and trunks that come in are told apart by it")
			continue
		}
		first[b.Secret] = s.name
	}
}

func (l *loader) camera(s *section) Camera {
	c := Camera{
		Section:   s.name,
		Enabled:   one(l, s, "enabled", parseBool),
		Name:      one(l, s, "name", parsePersonName),
		URL:       one(l, s, "url", parseRTSPURL),
		Substream: one(l, s, "substream", parseRTSPURL),
		ONVIF:     one(l, s, "onvif", parseONVIFURL),
		Transport: one(l, s, "transport", parseWord(transports())),
		Room:      one(l, s, "room", parseRoomName),
		Audio:     one(l, s, "audio", parseBool),
		OnDemand:  one(l, s, "on_demand", parseBool),
	}
	l.needsName(s)
	if !s.has("name") {
		c.Name = s.name
	}
	if c.Enabled && !s.has("url") {
		l.missing(s, "url", "a camera that is enabled needs it")
	}
	if c.URL != "" && c.URL == c.Substream {
		l.wrong(s, "substream", "is the same as url", "another, smaller stream of the camera, or nothing")
	}
	return c
}

// needsName adds a problem if s has no name of its own: a change of the file
// would make another one of it.
func (l *loader) needsName(s *section) {
	if s.unnamed {
		l.problems = append(l.problems, Problem{
			File: l.path, Section: s.name,
			Reason:  "has no name",
			Allowed: "write config " + s.kind + " 'NAME', with letters, digits and '_'",
		})
	}
}

// checkCameras sees to it that people can tell the cameras of a room apart.
func (l *loader) checkCameras(sections []*section, cameras []Camera) {
	first := map[[2]string]string{}
	for i, s := range ofKind(sections, TypeCamera) {
		c := cameras[i]
		if !c.Enabled || s.unnamed {
			continue
		}
		if other, ok := first[[2]string{c.Room, c.Name}]; ok {
			l.wrong(s, "name", "is the name of another camera in the room as well",
				quoted(c.Name)+" is taken by the section "+quoted(other))
			continue
		}
		first[[2]string{c.Room, c.Name}] = s.name
	}
}
