package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func rows() []Row {
	return []Row{
		{Server: "umbrella", Work: "1×10", CPU: Of([]float64{7, 5, 6}), Peak: 30},
		{Server: "a<b>&c", Work: "1×10", CPU: Of([]float64{14}), Peak: 60, Silent: 2},
	}
}

func TestOf(t *testing.T) {
	if got := Of([]float64{3, 1, 2}); got != (Spread{2, 1, 3}) {
		t.Error(got)
	}
	if got := Of([]float64{4, 1, 2, 3}).Median; got != 2.5 {
		t.Error(got)
	}
	if got := Of(nil); got != (Spread{}) {
		t.Error(got)
	}
	if got := Median([]time.Duration{3e6, 1e6, 2e6}); got != 2 {
		t.Error(got)
	}
}

func TestChartIsXML(t *testing.T) {
	chart := Chart(rows())
	d := xml.NewDecoder(strings.NewReader(chart))
	bars := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, chart)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 2*len(panels) {
		t.Errorf("%d bars", bars)
	}
	if strings.Contains(Chart(nil), "NaN") {
		t.Error("a chart of nothing")
	}
}

func TestTables(t *testing.T) {
	m := Markdown(rows())
	lines := strings.Split(strings.TrimSpace(m), "\n")
	if len(lines) != 4 || !strings.Contains(lines[2], "6.0 (5.0–7.0)") || !strings.Contains(lines[3], "2 streams silent") {
		t.Error(m)
	}
	for _, l := range lines {
		if strings.Count(l, "|") != len(columns)+1 {
			t.Error(l)
		}
	}
	var b strings.Builder
	if err := Text(&b, rows()); err != nil || !strings.Contains(b.String(), "umbrella") {
		t.Error(err, b.String())
	}
}

func TestSplice(t *testing.T) {
	doc := "a\n" + beginMark + "old\n" + endMark + "\nb\n"
	got, err := Splice(doc, "new\n")
	if err != nil || got != "a\n"+beginMark+"new\n"+endMark+"\nb\n" {
		t.Error(got, err)
	}
	if _, err := Splice("no marks", "x"); err == nil {
		t.Error("spliced into nothing")
	}
}
