package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// OpenWrt's own functions do most of the work: they make the user, run what is in
// /etc/uci-defaults, and enable and start the service, or stop and disable it. In
// an image that is being built, IPKG_INSTROOT is its root and nothing is started.
const functions = `[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0
. "$IPKG_INSTROOT/lib/functions.sh"
`

const unwanted = `[ "$IPKG_NO_SCRIPT" != 1 ] || exit 0
`

// ipkScripts returns the scripts of an .ipk by their names in it. opkg runs them
// as /usr/lib/opkg/info/NAME.SCRIPT, by which the functions know the package.
func (d *description) ipkScripts() map[string]string {
	return map[string]string{
		"postinst": script(unwanted+functions, `default_postinst "$0" "$@"`, d.PostInstall),
		"prerm":    script(functions, d.PreRemove, `default_prerm "$0" "$@"`),
	}
}

// apkScripts returns the scripts of an .apk. apk has no arguments for them, and
// runs one of its own for an upgrade.
func (d *description) apkScripts() map[string]string {
	names := fmt.Sprintf("export root=\"$IPKG_INSTROOT\"\nexport pkgname=%s\n", d.Name)
	install := []string{unwanted + functions + names, "add_group_and_user", "default_postinst", d.PostInstall}
	return map[string]string{
		"post-install":  script(install...),
		"post-upgrade":  script(append([]string{"export PKG_UPGRADE=1"}, install...)...),
		"pre-deinstall": script(functions+names, d.PreRemove, "default_prerm"),
	}
}

// script joins the parts that there are.
func script(parts ...string) string {
	text := "#!/bin/sh\n"
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			text += p + "\n"
		}
	}
	return text
}

// writeScripts writes scripts into dir.
func writeScripts(dir string, scripts map[string]string, mtime time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing scripts: %w", err)
	}
	for name, text := range scripts {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return fmt.Errorf("writing scripts: %w", err)
		}
		// It goes into the package.
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			return fmt.Errorf("writing scripts: %w", err)
		}
	}
	return nil
}
