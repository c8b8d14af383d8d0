package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

// FuzzLoad feeds the reader any file and any variable. Whatever it takes is
// valid, and is the same again when it is written as `uci commit` writes.
func FuzzLoad(f *testing.F) {
	for _, o := range Options() {
		f.Add(frame(o, "/proc/self/exe", o.Default), o.Environment+"="+o.Default)
		f.Add(frame(o, "/proc/self/exe", "x y'z\\"), o.Environment+"=1")
	}
	for _, text := range []string{
		"package umbrella\nconfig umbrella 'main'\n\toption listen ':1'\n\tlist public_address 'a'\n\tlist public_address 'b'\n",
		"config room\n option name 'x'\nconfig room\n option name 'y'\n option password 'it'\\''s'\n",
		"config room a\nconfig room b\nconfig room a\n option access open\n option access ''\n",
		"config camera c\n option name \"a\\\"b\\\\\"\n option url rtsp://u:p@h:554/x?y=z # comment",
		"config camera c\n option url 'rtsp://h/'\n list name 'n'",
		"c room x\r\no name y\\\r\nz\r\n",
		"config room '%'\n option name ''\n option password '%27%'\n",
		"config a 'b\nconfig umbrella main\n option tls 'x\n",
		"config room x\n option password \"a\\\n",
	} {
		f.Add(text, "UMBRELLA_PUBLIC_IP=192.0.2.1")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, variable string) {
		path := filepath.Join(dir, packageName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sameAsStatements(t, path, text)
		cfg, err := Load(dir, []string{variable})
		if err != nil {
			problems, ok := errors.AsType[Problems](err)
			if !ok || cfg != nil || len(problems) == 0 || len(problems) > maxProblems+1 {
				t.Fatalf("got %T with %d problems and the Config %v", err, len(problems), cfg)
			}
			for _, p := range problems {
				line := p.Error()
				if strings.ContainsFunc(line, unicode.IsControl) || p.File == "" || p.Reason == "" && p.Allowed == "" {
					t.Fatalf("bad line %q", line)
				}
				if strings.Contains(line, "go-uci") || strings.Contains(line, "is lost") {
					t.Fatalf("go-uci got what it cannot read: %q", line)
				}
			}
			return
		}
		if change := Diff(cfg, cfg); !change.Empty() {
			t.Fatalf("differs from itself: %v", change)
		}
		if err := os.WriteFile(path, []byte(commit(cfg)), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir, nil)
		if err != nil {
			t.Fatalf("valid, but not when written anew: %v\n%s", err, commit(cfg))
		}
		cfg.Warnings, again.Warnings = nil, nil
		cfg.Rooms, again.Rooms = withoutSections(cfg.Rooms), withoutSections(again.Rooms) // commit names none
		if !reflect.DeepEqual(cfg, again) {
			t.Fatalf("written anew it is\n%s\nread from that it is\n%s", commit(cfg), commit(again))
		}
	})
}

// sameAsStatements checks that go-uci makes of the statements what libuci
// would: the last option counts, lists add up, equal values of a list once.
func sameAsStatements(t *testing.T, path, text string) {
	if len(text) > maxFileSize || strings.IndexByte(text, 0) >= 0 {
		return
	}
	sections, _ := parsePackage(path, text)
	statements, _ := parseSyntax(path, text)
	_, kept, _ := outline(path, statements)
	want := map[string]map[string][]string{}
	var current map[string][]string
	for _, st := range kept {
		switch st.keyword {
		case "config":
			if want[st.words[1]] == nil {
				want[st.words[1]] = map[string][]string{}
			}
			current = want[st.words[1]]
		case "option":
			current[st.words[0]] = []string{st.words[1]}
		case "list":
			values := current[st.words[0]]
			for _, v := range values {
				if v == st.words[1] {
					values = nil
				}
			}
			if values != nil || len(current[st.words[0]]) == 0 {
				current[st.words[0]] = append(current[st.words[0]], st.words[1])
			}
		}
	}
	if len(sections) != len(want) {
		t.Fatalf("got %d sections, want %d", len(sections), len(want))
	}
	for _, s := range sections {
		got := map[string][]string{}
		for option, e := range s.entries {
			got[option] = e.values
		}
		if !reflect.DeepEqual(got, want[s.name]) {
			t.Fatalf("section %s: got %q, want %q", s.name, got, want[s.name])
		}
	}
}

// commit writes cfg as `uci commit` does.
func commit(cfg *Config) string {
	var b strings.Builder
	option := func(name string, value any) {
		text := fmt.Sprint(value)
		switch text {
		case "true":
			text = "1"
		case "false":
			text = "0"
		}
		fmt.Fprintf(&b, "\toption %s '%s'\n", name, strings.ReplaceAll(text, "'", `'\''`))
	}
	m := cfg.Main
	b.WriteString("\nconfig umbrella 'main'\n")
	option("enabled", m.Enabled)
	option("listen", m.Listen)
	option("prefix", m.Prefix)
	option("tls", m.TLS)
	option("cert", m.Cert)
	option("key", m.Key)
	list := func(name string, values []string) {
		for _, v := range values {
			fmt.Fprintf(&b, "\tlist %s '%s'\n", name, v)
		}
	}
	list("acme_domain", m.ACME.Domains)
	option("acme_email", m.ACME.Email)
	option("acme_directory", m.ACME.Directory)
	option("acme_http", m.ACME.HTTP)
	option("media_port", m.MediaPort)
	option("turn", m.TURN)
	list("turn_url", m.TURNURL)
	list("public_address", m.PublicAddress)
	for _, p := range m.TrustedProxy {
		fmt.Fprintf(&b, "\tlist trusted_proxy '%s'\n", p)
	}
	list("cors_origin", m.CORSOrigin)
	option("wan", m.WAN)
	list("zone", m.Zones)
	option("access", m.Access)
	option("max_rooms", m.MaxRooms)
	option("publish_limit", m.PublishLimit)
	option("admin_password", string(m.AdminPassword))
	option("token_key", m.TokenKey)
	option("state_dir", m.StateDir)
	option("log_level", strings.ToLower(m.LogLevel.String()))
	for _, r := range cfg.Rooms {
		b.WriteString("\nconfig room\n")
		option("name", r.Name)
		option("password", r.Password)
		option("access", r.Access)
		option("max_participants", r.MaxParticipants)
	}
	for _, u := range cfg.Backhauls {
		fmt.Fprintf(&b, "\nconfig backhaul '%s'\n", u.Section)
		if u.URL != "" || u.Secret != "" {
			option("enabled", u.Enabled)
		}
		option("url", u.URL)
		option("secret", u.Secret)
		option("fingerprint", u.Fingerprint)
		option("ca", u.CA)
		for _, r := range u.Rooms {
			fmt.Fprintf(&b, "\tlist room '%s'\n", r)
		}
	}
	for _, c := range cfg.Cameras {
		fmt.Fprintf(&b, "\nconfig camera '%s'\n", c.Section)
		option("enabled", c.Enabled)
		option("name", c.Name)
		option("url", c.URL)
		option("substream", c.Substream)
		option("onvif", c.ONVIF)
		option("transport", c.Transport)
		option("room", c.Room)
		option("audio", c.Audio)
		option("on_demand", c.OnDemand)
	}
	return b.String()
}
