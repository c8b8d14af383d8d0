package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	file := pairFile(t)
	fingerprint := strings.Repeat("0f", 32)
	got := load(t, "config umbrella main\n option listen nonsense\n option media_port 1\n list public_address x\n"+
		"config backhaul backhaul\n option url ws://old/wsb\n",
		"UMBRELLA_ENABLED=0",
		"UMBRELLA_LISTEN=127.0.0.1:1",
		"UMBRELLA_LISTEN=127.0.0.1:2",
		"UMBRELLA_PREFIX=/x",
		"UMBRELLA_TLS=files",
		"UMBRELLA_CERT="+file,
		"UMBRELLA_KEY="+file,
		"UMBRELLA_MEDIA_PORT=5004",
		"UMBRELLA_PUBLIC_ADDRESS=192.0.2.1, ap.example.org  fd00::1",
		"UMBRELLA_TRUSTED_PROXY=10.0.0.0/8",
		"UMBRELLA_STATE_DIR=.state",
		"UMBRELLA_LOG_LEVEL=error",
		"UMBRELLA_BACKHAUL_URL=wss://new/wsb",
		"UMBRELLA_BACKHAUL_SECRET= 0123456789abcdef ",
		"UMBRELLA_BACKHAUL_FINGERPRINT="+fingerprint,
		"UMBRELLA_BACKHAUL_CA="+file,
		"UMBRELLA_BACKHAUL_ROOM=a b,c",
		"PATH=/bin", "UMBRELLA", "=",
	)
	want := &Config{
		Main: Main{
			Listen: "127.0.0.1:2", Prefix: "/x", TLS: TLSFiles, Cert: file, Key: file, MediaPort: 5004,
			PublicAddress: []string{"192.0.2.1", "ap.example.org", "fd00::1"},
			TrustedProxy:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Zones: []string{"lan"},
			MaxRooms: 100, PublishLimit: 20000, StateDir: ".state", LogLevel: slog.LevelError,
		},
		Backhauls: []Backhaul{{Section: "backhaul", Enabled: true, URL: "wss://new/wsb", Secret: "0123456789abcdef",
			Fingerprint: fingerprint, CA: file, Rooms: []string{"a", "b", "c"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v\nwant\n%#v", got, want)
	}
}

func TestEveryVariable(t *testing.T) {
	var variables []string
	for _, o := range Options() {
		if o.Environment != "" {
			variables = append(append(variables, o.Environment), o.Aliases...)
		}
	}
	for _, name := range []string{"LISTEN", "PREFIX", "TLS", "CERT", "KEY", "MEDIA_PORT", "PUBLIC_ADDRESS", "TRUSTED_PROXY",
		"STATE_DIR", "LOG_LEVEL", "ENABLED", "BACKHAUL_URL", "BACKHAUL_SECRET", "BACKHAUL_FINGERPRINT", "BACKHAUL_CA",
		"BACKHAUL_ROOM", "ACME_DOMAIN", "ACME_EMAIL", "ACME_DIRECTORY", "ACME_HTTP", "TURN", "TURN_URL", "WAN", "ZONE", "CORS_ORIGIN", "ACCESS", "MAX_ROOMS", "PUBLISH_LIMIT", "ADMIN_PASSWORD", "TOKEN_KEY", "HTTP_PREFIX", "PUBLIC_IP", "PUBLIC_HOST", "HTTP_SERVE_ADDR"} {
		if !slices.Contains(variables, "UMBRELLA_"+name) {
			t.Errorf("UMBRELLA_%s is not known", name)
		}
	}
	if len(variables) != 34 {
		t.Errorf("there are %d variables: %q", len(variables), variables)
	}
}

func TestAliases(t *testing.T) {
	got := load(t, "", "UMBRELLA_HTTP_SERVE_ADDR=:9", "UMBRELLA_HTTP_PREFIX=/u", "UMBRELLA_PUBLIC_IP=192.0.2.1", "UMBRELLA_PUBLIC_HOST=ap.lan").Main
	if got.Listen != ":9" || got.Prefix != "/u" || !slices.Equal(got.PublicAddress, []string{"192.0.2.1", "ap.lan"}) {
		t.Errorf("got %+v", got)
	}
	load(t, "", "UMBRELLA_LISTEN=:9", "UMBRELLA_HTTP_SERVE_ADDR=:9", "UMBRELLA_PUBLIC_ADDRESS=b a", "UMBRELLA_PUBLIC_IP=a", "UMBRELLA_PUBLIC_HOST=b")
}

func TestEnvironmentProblems(t *testing.T) {
	got := refuse(t, "",
		"UMBRELLA_MEDIA_PORT=99999",
		"UMBRELLA_LISTEN=:1", "UMBRELLA_HTTP_SERVE_ADDR=:2",
		"UMBRELLA_PUBLIC_HOST=http://x",
		"UMBRELLA_BACKHAUL_URL=wss://u:pass@h/wsb",
		"UMBRELLA_BACKHAUL_SECRET=short",
	)
	want := []string{
		"environment: UMBRELLA_LISTEN says something else than its old name UMBRELLA_HTTP_SERVE_ADDR: set only one of them",
		"environment: UMBRELLA_MEDIA_PORT: '99999' is not allowed: a port number from 1 to 65535",
		"environment: UMBRELLA_PUBLIC_HOST: 'http://x' is not allowed: an IP address or a DNS name, without a port",
		"environment: UMBRELLA_BACKHAUL_URL: 'wss://…@h/wsb' is not allowed: wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment",
		"environment: UMBRELLA_BACKHAUL_SECRET: '…' is not allowed: 16 to 256 characters that can be printed, without blanks",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUnknownVariables(t *testing.T) {
	got := load(t, "", "UMBRELLA_MEDIAPORT=secret", "UMBRELLA_WEATHER=secret", "umbrella_tls=off").Warnings
	want := []string{
		"environment: 'UMBRELLA_MEDIAPORT' is not known: did you mean UMBRELLA_MEDIA_PORT?",
		"environment: 'UMBRELLA_WEATHER' is not known",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCloud(t *testing.T) {
	const private = "[127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1/128 fc00::/7 fe80::/10]"
	for _, c := range []struct {
		name, uci string
		environ   []string
		tls       TLSMode
		proxies   string
		state     string
	}{
		{"not", "", nil, TLSAuto, "[]", "/etc/umbrella"},
		{"off", "", []string{"UMBRELLA_CLOUD=0"}, TLSAuto, "[]", "/etc/umbrella"},
		{"empty", "", []string{"UMBRELLA_CLOUD="}, TLSAuto, "[]", "/etc/umbrella"},
		{"on", "", []string{"UMBRELLA_CLOUD=1"}, TLSOff, private, "/var/lib/umbrella"},
		{"variables go over it", "", []string{"UMBRELLA_CLOUD=1", "UMBRELLA_TLS=auto", "UMBRELLA_TRUSTED_PROXY=192.0.2.1"},
			TLSAuto, "[192.0.2.1/32]", "/var/lib/umbrella"},
		{"the file goes over it", "config umbrella main\n option tls auto\n list trusted_proxy 192.0.2.1\n option state_dir /s\n",
			[]string{"UMBRELLA_CLOUD=1"}, TLSAuto, "[192.0.2.1/32]", "/s"},
		{"an empty option is none", "config umbrella main\n option tls ''\n", []string{"UMBRELLA_CLOUD=1"}, TLSOff, private, "/var/lib/umbrella"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := load(t, c.uci, c.environ...)
			if m := got.Main; m.TLS != c.tls || fmt.Sprint(m.TrustedProxy) != c.proxies || m.StateDir != c.state {
				t.Errorf("got tls %s, proxies %v, state %s", m.TLS, m.TrustedProxy, m.StateDir)
			}
			if len(got.Warnings) > 0 {
				t.Errorf("warned: %q", got.Warnings)
			}
		})
	}
	_, err := Load(t.TempDir(), []string{"UMBRELLA_CLOUD=perhaps"})
	if err == nil || !strings.Contains(err.Error(), "UMBRELLA_CLOUD: 'perhaps' is not allowed: 1 or 0") {
		t.Errorf("got %v", err)
	}
}
