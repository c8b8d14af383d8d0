package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestRedactURL(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://cam/stream1":                                         "rtsp://cam/stream1",
		"rtsp://cam:554/stream1":                                     "rtsp://cam:554/stream1",
		"rtsp://admin:hunter2@cam/x":                                 "rtsp://…@cam/x",
		"rtsp://cam/x?user=a&password=hunter2":                       "rtsp://cam/x…",
		"rtsp://cam/user=admin&password=hunter2&channel=1":           "rtsp://cam/user=admin&password=…&channel=1",
		"rtsp://cam/user=admin_password=hunter2_channel=1/x.sdp":     "rtsp://cam/user=admin_password=…/x.sdp",
		"rtsp://u:hunter2@cam/user=admin&Password=hunter2&channel=1": "rtsp://…@cam/user=admin&Password=…&channel=1",
		"rtsp://cam/user=a&password=hun@hunter2&channel=1":           "rtsp://…",
		"rtsp://admin:hun?hunter2@cam/x":                             "rtsp://…",
		"rtsp://admin:12/key=hunter2@cam/x":                          "rtsp://…",
		"rtsp://[fd00::9]:554/x":                                     "rtsp://[fd00::9]:554/x",
		"cam/pwd=hunter2":                                            "cam/pwd=…",
		"rtsp://admin:hunter2":                                       "rtsp://…/",
	} {
		if got := RedactURL(url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
		c := Camera{Section: "door", URL: url}
		if text := fmt.Sprint(c, Option{URL: true}.shown(url)); strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s", url, text)
		}
	}
}
