package main

import (
	"bytes"
	_ "embed"
	"fmt"
	html "html/template"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	text "text/template"
)

//go:embed page.html
var pageHTML string

//go:embed page.txt
var pageText string

// page is what the pages show.
type page struct {
	// URL of the feed, without a slash at its end.
	URL, Version string
	// Known is whether the URL is where the feed is; else the page finds out.
	Known   bool
	Opkg    []string
	APK     []string
	OpkgKey string
	APKKey  string
	Arches  []architecture
}

// placeholder stands for the address of a feed that may lie anywhere.
const placeholder = "http://SERVER/FEED"

// commands are what is typed on an access point: the feed and its key first, then the
// installation.
func commands(address string) (opkg, apk []string) {
	return []string{
			"wget -O /tmp/" + opkgKeyName + " " + address + "/" + opkgKeyName + " && opkg-key add /tmp/" + opkgKeyName +
				" && . /etc/openwrt_release && echo \"src/gz umbrella " + address + "/$DISTRIB_ARCH\" >> /etc/opkg/customfeeds.conf",
			"opkg update && opkg install luci-app-umbrella",
		}, []string{
			"wget -O /etc/apk/keys/" + apkKeyName + " " + address + "/" + apkKeyName +
				" && . /etc/openwrt_release && echo \"" + address + "/$DISTRIB_ARCH/packages.adb\" >> /etc/apk/repositories.d/customfeeds.list",
			"apk update && apk add luci-app-umbrella",
		}
}

// writePages writes index.html and README.txt, which say how to install.
func writePages(dir, address string, arches []architecture, keys *keyPair) error {
	address = strings.TrimRight(address, "/")
	p := page{URL: address, Known: address != "", Version: arches[0].Version, Arches: arches,
		OpkgKey: keys.opkg.fingerprint(), APKKey: fmt.Sprintf("%x", keys.apk.id)}
	if !p.Known {
		p.URL = placeholder
	} else if u, err := url.Parse(address); err != nil || u.Host == "" || strings.ContainsAny(address, " \"'$`\\?#") ||
		u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is not the http:// or https:// address of a feed", address)
	}
	for _, a := range arches {
		if a.Version != p.Version {
			return fmt.Errorf("%s has version %s, %s has %s", arches[0].Name, p.Version, a.Name, a.Version)
		}
	}
	p.Opkg, p.APK = commands(p.URL)
	megabytes := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

	var page, readme bytes.Buffer
	h, err := html.New("page").Funcs(html.FuncMap{"megabytes": megabytes}).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	t, err := text.New("page").Funcs(text.FuncMap{"megabytes": megabytes}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	if err := h.Execute(&page, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if err := t.Execute(&readme, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	for name, text := range map[string][]byte{"index.html": page.Bytes(), "README.txt": readme.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	}
	return nil
}
