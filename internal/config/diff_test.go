package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	const base = `
config umbrella main
config room lobby
config room choir
	option password hunter2
config backhaul up
	option url ws://h/wsb
config backhaul off
	option enabled 0
	option url ws://h/wsb
config camera a
	option url rtsp://a/
config camera b
	option url rtsp://u:hunter2@b/
`
	for name, c := range map[string]struct {
		replace [2]string
		environ string
		want    string
		main    MainChange
	}{
		"nothing":         {want: "nothing"},
		"a comment":       {replace: [2]string{"config room lobby", "# x\nconfig room 'lobby'"}, want: "nothing"},
		"the order":       {replace: [2]string{"config room lobby\nconfig room choir\n\toption password hunter2\n", "config room choir\n\toption password hunter2\nconfig room lobby\n"}, want: "nothing"},
		"enabled":         {environ: "UMBRELLA_ENABLED=0", want: "enabled", main: MainChange{Enabled: true}},
		"listen":          {environ: "UMBRELLA_LISTEN=:1", want: "listen", main: MainChange{Listen: true}},
		"prefix":          {environ: "UMBRELLA_PREFIX=/x", want: "prefix", main: MainChange{Prefix: true}},
		"acme":            {replace: [2]string{"config umbrella main", "config umbrella main\n option tls acme\n option acme_domain a.b"}, want: "tls", main: MainChange{TLS: true}},
		"turn":            {environ: "UMBRELLA_TURN=1", want: "turn", main: MainChange{TURN: true}},
		"tls":             {environ: "UMBRELLA_TLS=off", want: "tls", main: MainChange{TLS: true}},
		"media_port":      {environ: "UMBRELLA_MEDIA_PORT=1", want: "media_port", main: MainChange{MediaPort: true}},
		"public_address":  {environ: "UMBRELLA_PUBLIC_ADDRESS=a", want: "public_address", main: MainChange{PublicAddress: true}},
		"zone":            {environ: "UMBRELLA_ZONE=lan guest", want: "zone", main: MainChange{Zones: true}},
		"trusted_proxy":   {environ: "UMBRELLA_TRUSTED_PROXY=::1", want: "trusted_proxy", main: MainChange{TrustedProxy: true}},
		"cors_origin":     {environ: "UMBRELLA_CORS_ORIGIN=*", want: "cors_origin", main: MainChange{CORSOrigin: true}},
		"state_dir":       {environ: "UMBRELLA_STATE_DIR=/x", want: "state_dir", main: MainChange{StateDir: true}},
		"log_level":       {environ: "UMBRELLA_LOG_LEVEL=debug", want: "log_level", main: MainChange{LogLevel: true}},
		"a password":      {replace: [2]string{"password hunter2", "password hunter3"}, want: "room choir changed"},
		"a room less":     {replace: [2]string{"config room lobby", ""}, want: "room lobby removed"},
		"a room more":     {replace: [2]string{"config room lobby", "config room lobby\nconfig room x"}, want: "room x added"},
		"another name":    {replace: [2]string{"config room lobby", "config room lobby\n option name hall"}, want: "room hall added, room lobby removed"},
		"a camera":        {replace: [2]string{"hunter2@b", "hunter3@b"}, want: "camera b changed"},
		"a camera off":    {replace: [2]string{"config camera a", "config camera a\n option enabled 0"}, want: "camera a removed"},
		"a trunk on":      {replace: [2]string{"enabled 0", "enabled 1"}, want: "backhaul off added"},
		"a trunk off":     {replace: [2]string{"config backhaul up", "config backhaul up\n option enabled 0"}, want: "backhaul up removed"},
		"a trunk's rooms": {replace: [2]string{"config backhaul up", "config backhaul up\n list room x"}, want: "backhaul up changed"},
		"one that is off": {replace: [2]string{"enabled 0", "enabled 0\n list room x"}, want: "nothing"},
	} {
		updated := load(t, strings.Replace(base, c.replace[0], c.replace[1], 1), c.environ)
		old := load(t, base)
		change := Diff(old, updated)
		if change.String() != c.want || change.Main != c.main || change.Empty() != (c.want == "nothing") {
			t.Errorf("%s: got %s, %+v", name, change, change.Main)
		}
		if strings.Contains(change.String(), "hunter") {
			t.Errorf("%s: a secret is shown", name)
		}
		for _, p := range change.Cameras.Changed {
			if !reflect.DeepEqual(p, Pair[Camera]{old.Cameras[1], updated.Cameras[1]}) {
				t.Errorf("%s: got %+v", name, p)
			}
		}
	}
}
