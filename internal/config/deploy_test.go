package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// deploy/.env.example becomes umbrellad's environment, whole: every variable in it
// that is named like one of its own has to be one, also what is commented out.
func TestDeploy(t *testing.T) {
	text, err := os.ReadFile("../../deploy/.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		environ = append(environ, m[1]+"="+m[2])
	}
	for _, want := range []string{"UMBRELLA_PUBLIC_IP=203.0.113.7", "TURN_DOMAIN=turn.example.org"} {
		if !strings.Contains("\n"+strings.Join(environ, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("no %s among %q", want, environ)
		}
	}
	cfg := load(t, "", append(environ, "UMBRELLA_CLOUD=1")...)
	if len(cfg.Warnings) > 0 {
		t.Errorf("warned: %q", cfg.Warnings)
	}
}
