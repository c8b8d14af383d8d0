package node

import (
	"cmp"
	"errors"
	"io"
	"os"

	"umbrella/internal/access"
	"umbrella/internal/cause"
	"umbrella/internal/config"
)

// startAccess makes the gate, and who makes and knows what opens it. Where the
// state directory cannot be used, rooms that need none of it are still served:
// nobody comes in by a token, and nobody logs in.
func (n *Node) startAccess(cfg *config.Config) {
	m := cfg.Main
	n.tokens = &access.Tokens{StateDir: m.StateDir, KeyFile: m.TokenKey}
	n.admins = &access.Admins{StateDir: m.StateDir, Password: string(m.AdminPassword), Tell: cmp.Or[io.Writer](n.Stderr, os.Stderr)}
	n.gate = &access.Gate{Tokens: n.tokens, Admins: n.admins}
	if err := n.tokens.Start(); err != nil {
		n.Log.Error("no invitation holds", "error", cause.Explain(err))
	}
	if err := n.admins.Start(); err != nil {
		n.Log.Error("nobody can log in as admin", "error", cause.Explain(err))
	}
}

// tellPassword shows a password for admins that was made, now that the node serves.
func (n *Node) tellPassword() {
	if err := n.admins.Started(); err != nil {
		n.Log.Error("the first password", "error", err)
	}
}

// applyAccess reads anew what opens the gate: a secret that was removed is made
// anew, and what was made with it holds no more. If the settings that differ cannot
// be applied, those before count on. What fails by the same settings as before was
// broken meanwhile: it is logged, and what was read before counts on.
func (n *Node) applyAccess(was, is *config.Config) error {
	before, m := was.Main, is.Main
	moved := before.StateDir != m.StateDir
	err := n.tokens.Reload(m.StateDir, m.TokenKey)
	if err != nil && (moved || before.TokenKey != m.TokenKey) {
		return err
	}
	problem := n.admins.Reload(m.StateDir, string(m.AdminPassword))
	if problem != nil && (moved || before.AdminPassword != m.AdminPassword) {
		return errors.Join(problem, n.tokens.Reload(before.StateDir, before.TokenKey))
	}
	if err = errors.Join(err, problem); err != nil {
		n.Log.Error("what opens the gate could not be read anew", "error", cause.Explain(err))
	}
	return nil
}
