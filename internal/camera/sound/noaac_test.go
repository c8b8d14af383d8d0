//go:build noaac

package sound

import (
	"errors"
	"strings"
	"testing"
)

func TestWithoutAAC(t *testing.T) {
	_, err := Open(genericAAC())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "this build of umbrellad has no AAC decoder; set the camera's sound to G.711") {
		t.Errorf("%v", err)
	}
}
