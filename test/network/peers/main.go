// Command peers is a few people in a room, for tests on machines where as many
// browsers would be too much: each publishes a recorded picture by simulcast
// and recorded sound, as browsers do, receives everybody else, and gives
// feedback on what comes. Once a second it writes what came so far, one JSON
// object a line, until its input ends.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	url := flag.String("url", "", "WebSocket of the node, such as wss://10.77.0.1:8081/wsb")
	room := flag.String("room", "hall", "room to enter")
	count := flag.Int("count", 3, "how many people")
	ca := flag.String("ca", "", "file with the certificate of the node's CA")
	clips := flag.String("clips", "", "folder with q.ivf, h.ivf and f.ivf (VP8) and sound.ogg (Opus in pages of 20 ms)")
	flag.Parse()

	pem, err := os.ReadFile(*ca)
	if err != nil {
		return fmt.Errorf("reading the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("reading the CA: there is no certificate in " + *ca)
	}
	media, err := readMedia(*clips)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	callers := make([]*Caller, *count)
	defer func() {
		for _, c := range callers {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i := range callers {
		callers[i] = &Caller{URL: *url, Room: *room, Name: fmt.Sprintf("Peer %d", i+1), Roots: roots, Media: media,
			Failed: func(err error) { cancel(err) }}
		if err := callers[i].Start(ctx); err != nil {
			return fmt.Errorf("%s: %w", callers[i].Name, err)
		}
	}

	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel(nil)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	out := json.NewEncoder(os.Stdout)
	for {
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		case now := <-tick.C:
			line := report{At: now.UnixMilli()}
			for _, c := range callers {
				line.Peers = append(line.Peers, c.Report())
			}
			if err := out.Encode(line); err != nil {
				return fmt.Errorf("reporting: %w", err)
			}
		}
	}
}

// report is a line of the output.
type report struct {
	// Milliseconds since 1970.
	At    int64        `json:"at"`
	Peers []peerReport `json:"peers"`
}

type peerReport struct {
	Name string `json:"name"`
	// Packets sent so far, and of them those of the largest picture.
	Sent    uint64         `json:"sent"`
	Largest uint64         `json:"largest"`
	Streams []streamReport `json:"streams"`
}

// streamReport is what came on one m-line so far.
type streamReport struct {
	Mid   string `json:"mid"`
	Codec string `json:"codec"`
	// Packets that came, each once, and those missing between them.
	Packets uint64 `json:"packets"`
	Missing uint64 `json:"missing"`
	Bytes   uint64 `json:"bytes"`
	// Pictures that came to their end, and the size in the last keyframe.
	Frames uint64 `json:"frames"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}
