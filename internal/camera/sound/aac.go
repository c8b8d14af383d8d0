//go:build !noaac

package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/tphakala/go-aac/pcm"
)

const decodesAAC = true

// aac decodes AAC-LC. The decoder reads its input from a stream; here it runs
// as a coroutine that is resumed for each access unit.
type aac struct {
	config []byte
	input  []byte // length and access unit, as the decoder reads them
	output []int16
	err    error
	resume func() (struct{}, bool)
	stop   func()
}

// newAAC returns a decoder for an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2).
func newAAC(config []byte) (decoder, error) {
	a := &aac{config: config}
	a.resume, a.stop = iter.Pull(a.run)
	if _, ok := a.resume(); !ok {
		return nil, fmt.Errorf("starting to decode AAC: %w", a.err)
	}
	return a, nil
}

// decode returns the samples of an access unit, with the channels taking turns.
// They are valid until the next call.
func (a *aac) decode(unit []byte) ([]int16, error) {
	if len(unit) == 0 || len(unit) > 0xffff {
		return nil, errors.New("an access unit of AAC has 1 to 65535 bytes")
	}
	a.input = append(binary.BigEndian.AppendUint16(a.input[:0], uint16(len(unit))), unit...)
	a.output, a.err = a.output[:0], nil
	if _, ok := a.resume(); !ok && a.err == nil {
		a.err = io.EOF
	}
	return a.output, a.err
}

func (a *aac) close() { a.stop() }

// run decodes until the coroutine is stopped. It begins anew after an access
// unit that could not be decoded.
func (a *aac) run(yield func(struct{}) bool) {
	r := &waiting{from: a, yield: yield}
	buf := make([]byte, 8192)
	for !r.stopped {
		d, err := pcm.NewDecoder(r, pcm.WithRawStream(a.config))
		if err != nil {
			a.err = err
			return
		}
		for err == nil {
			var n int
			n, err = d.Read(buf)
			for i := 0; i+1 < n; i += 2 {
				a.output = append(a.output, int16(binary.LittleEndian.Uint16(buf[i:])))
			}
		}
		a.err, a.input = err, nil
	}
}

// waiting gives the decoder its input and holds it where there is none.
type waiting struct {
	from    *aac
	yield   func(struct{}) bool
	stopped bool
}

func (w *waiting) Read(p []byte) (int, error) {
	for len(w.from.input) == 0 {
		if w.stopped || !w.yield(struct{}{}) {
			w.stopped = true
			return 0, io.EOF
		}
	}
	n := copy(p, w.from.input)
	w.from.input = w.from.input[n:]
	return n, nil
}
