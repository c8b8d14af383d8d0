// Package sound makes of what cameras send something that every browser plays.
//
// Opus, G.711 and G.722 pass as they are. AAC and linear PCM are decoded,
// brought to 16 kHz and encoded as G.722. What cannot be played is refused in
// words. The package has no I/O and no clock.
package sound
