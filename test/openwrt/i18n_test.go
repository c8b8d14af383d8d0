package openwrt

import (
	"encoding/binary"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testTranslation looks at the package of the app's translation into German: LuCI finds
// its texts, and offers the language.
func testTranslation(t *testing.T, dir string) {
	const name = "luci-i18n-umbrella-de"
	control, files := testIPK(t, readFile(t, filepath.Join(dir, name+"_"+version(t)+"_all.ipk")))
	wantFields(t, fields(t, joinContinued(control.text(t, "./control")), ": "), map[string]string{
		"Package": name, "Version": version(t), "Architecture": "all", "Depends": "luci-app-umbrella", "Section": "luci",
		"License": "Apache-2.0", "Installed-Size": sizeOf(files), "Maintainer": maintainer, "Homepage": homepage,
	}, "Description", "Priority", "SourceDateEpoch")
	a := untar(t, readFile(t, filepath.Join(dir, name+"-"+version(t)+".apk")))
	wantFields(t, fields(t, a.text(t, ".PKGINFO"), " = "), map[string]string{
		"pkgname": name, "pkgver": version(t), "arch": "noarch", "depend": "luci-app-umbrella", "license": "Apache-2.0",
		"maintainer": maintainer, "url": homepage,
	}, "pkgdesc", "size", "datahash")
	testScripts(t, map[string]string{
		"ipk postinst": control.text(t, "./postinst"), "ipk prerm": control.text(t, "./prerm"),
		"apk post-install": a.text(t, ".post-install"), "apk post-upgrade": a.text(t, ".post-upgrade"),
		"apk pre-deinstall": a.text(t, ".pre-deinstall"),
	}, name)
	list := string(a.below("")["/lib/apk/packages/"+name+".list"].text)
	if list != "/etc/uci-defaults/"+name+"\n/usr/lib/lua/luci/i18n/umbrella.de.lmo\n" {
		t.Errorf("OpenWrt's functions see the files %q", list)
	}
	if got := string(files["/etc/uci-defaults/"+name].text); !strings.Contains(got, "\nuci set luci.languages.de='Deutsch (German)'; uci commit luci\n") {
		t.Errorf("LuCI offers the language by %q", got)
	}

	catalogue := files["/usr/lib/lua/luci/i18n/umbrella.de.lmo"].text
	number := func(at int) uint32 { return binary.BigEndian.Uint32(catalogue[at:]) }
	texts := map[uint32]string{}
	last := uint32(0)
	for at := int(number(len(catalogue) - 4)); at < len(catalogue)-4; at += 16 {
		key, offset, length := number(at), number(at+8), number(at+12)
		if key < last {
			t.Errorf("the index is not sorted: %08x is behind %08x", key, last)
		}
		last = key
		texts[key] = string(catalogue[offset:][:length])
	}
	// The hashes are those of LuCI's own compiler, one for each length modulo four.
	for key, want := range map[uint32]string{
		0:          "nplurals=2; plural=(n != 1);",
		0x60cc7d18: "Einstellungen", // Settings
		0x247e23dc: "Räume",         // Rooms
		0x2a3fa942: "vor %s",        // %s ago
		0x93f5453d: "Kameras",       // Cameras
	} {
		if texts[key] != want {
			t.Errorf("the text of %08x is %q, want %q", key, texts[key], want)
		}
	}
	source := string(readFile(t, "../../luci-app-umbrella/po/de/umbrella.po"))
	if all := len(regexp.MustCompile(`(?m)^msgid "`).FindAllString(source, -1)); len(texts) < all*9/10 || len(texts) > all {
		t.Errorf("%d of %d texts are in the catalogue", len(texts), all)
	}
}
