//go:build noaac

package sound

import "errors"

const decodesAAC = false

func newAAC([]byte) (decoder, error) {
	return nil, errors.New("this build of umbrellad has no AAC decoder")
}
