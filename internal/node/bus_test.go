package node

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"umbrella/internal/onvif"
	"umbrella/internal/sfu"
	"umbrella/internal/ubus"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// ask calls a method of the object as ubus does, arguments and answer in JSON.
func ask(t *testing.T, n *Node, method, arguments string) (map[string]any, error) {
	t.Helper()
	m, ok := n.bus.methods()[method]
	if !ok {
		t.Fatalf("there is no method %s", method)
	}
	reply, err := m.Handler(soon(t), ubus.NewCall(method, []byte(arguments)))
	if err != nil {
		return nil, err
	}
	// As it goes over the bus.
	b, err := ubus.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := ubus.Unmarshal(b, &answer); err != nil {
		t.Fatal(err)
	}
	return answer, nil
}

func TestBusReload(t *testing.T) {
	n := startNode(t, settings(t, ""))
	if _, err := ask(t, n, "reload", "{}"); !errors.Is(err, ubus.StatusNotSupported) {
		t.Errorf("nothing can be read anew, and it says %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{{nil, ""}, {errors.New("option 'listen': taken"), "option 'listen': taken"}} {
		n.Reload = func(context.Context) error { return c.err }
		if answer, err := ask(t, n, "reload", "{}"); err != nil || answer["problem"] != c.want {
			t.Errorf("%v: got %v, %v", c.err, answer, err)
		}
	}
	n.Reload = func(context.Context) error { return context.DeadlineExceeded }
	if answer, err := ask(t, n, "reload", "{}"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("too long: got %v, %v", answer, err)
	}
}

func TestBusObject(t *testing.T) {
	cfg := settings(t, "config backhaul up\n\toption url 'ws://127.0.0.1:1/wsb'\n\toption secret '0123456789abcdef'\n"+
		"config camera door\n\toption name 'Door'\n\toption url 'rtsp://admin:hunter2@127.0.0.1:1/x'\n\toption room den\n\toption on_demand '0'\n")
	n := startNode(t, cfg)
	ada := join(t, cfg, &peer.Peer{Room: "den", Name: "Ada"})

	status, err := ask(t, n, "status", "{}")
	if err != nil {
		t.Fatal(err)
	}
	if status["version"] != "1.2.3" || len(status["urls"].([]any)) == 0 {
		t.Errorf("%v", status)
	}
	if at, ok := status["startedAtMs"].(float64); !ok || time.Since(time.UnixMilli(int64(at))) > time.Minute {
		t.Errorf("startedAtMs is %T %v", status["startedAtMs"], status["startedAtMs"])
	}
	rooms, err := ask(t, n, "rooms", "{}")
	if err != nil {
		t.Fatal(err)
	}
	den := rooms["rooms"].([]any)[0].(map[string]any)
	kinds := map[string]string{}
	for _, p := range den["participants"].([]any) {
		p := p.(map[string]any)
		kinds[p["name"].(string)] = p["kind"].(string)
	}
	if den["name"] != "den" || kinds["Ada"] != "PARTICIPANT_KIND_PERSON" {
		t.Errorf("%v", rooms)
	}
	trunks, _ := ask(t, n, "trunks", "{}")
	if list := trunks["trunks"].([]any); len(list) != 1 || list[0].(map[string]any)["name"] != "up" {
		t.Errorf("%v", trunks)
	}
	cameras, _ := ask(t, n, "cameras", "{}")
	door := cameras["cameras"].([]any)[0].(map[string]any)
	if text, _ := json.Marshal(cameras); door["id"] != "door" || strings.Contains(string(text), "hunter2") {
		t.Errorf("%s", text)
	}

	// Nothing listens there: the answer says so, without the password.
	report, err := ask(t, n, "probe", `{"camera": "door"}`)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(report)
	if report["plays"] != false || !strings.Contains(string(text), "nothing listens") || strings.Contains(string(text), "hunter2") {
		t.Errorf("%s", text)
	}
	if _, err := ask(t, n, "probe", `{}`); err == nil {
		t.Error("nothing can be probed")
	}

	for _, wrong := range []string{`{"room": "attic", "participant": "x"}`, `{"room": "den", "participant": "x"}`, `{"room": "den", "participant": "door"}`} {
		if _, err := ask(t, n, "kick", wrong); err == nil {
			t.Errorf("%s: somebody is kicked", wrong)
		}
	}
	if _, err := ask(t, n, "kick", `{"room": "den", "participant": "`+ada.ID0()+`"}`); err != nil {
		t.Fatal(err)
	}
	if err := ada.Wait(soon(t), func() bool { return ada.Goodbye() != nil }); err != nil || ada.Goodbye().Reason != umbrellav1.Goodbye_REASON_REMOVED {
		t.Errorf("%v, %v", err, ada.Goodbye())
	}
}

// Only so many may look for cameras at a time.
func TestBusIsNotHeldUp(t *testing.T) {
	n := startNode(t, settings(t, ""))
	for range maxLooks {
		n.looker.begin()
	}
	if _, err := ask(t, n, "probe", `{"url": "rtsp://127.0.0.1:1/"}`); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("%v", err)
	}
	for range maxLooks {
		n.looker.end()
	}
	if _, err := ask(t, n, "status", "{}"); err != nil {
		t.Error(err)
	}
}

func TestFoundCamera(t *testing.T) {
	c := foundCamera(onvif.Result{
		Device: onvif.Device{Address: "192.0.2.3", Name: "Door"}, Information: onvif.Information{Manufacturer: "M", Model: "X"},
		Profiles: []onvif.Profile{{Name: "p", Role: onvif.Main, Codec: "H264", Width: 1920, Height: 1080, URL: "rtsp://192.0.2.3/1"}},
	})
	got, _ := json.Marshal(c)
	const want = `{"address":"192.0.2.3","manufacturer":"M","model":"X","name":"Door","problem":"","profiles":[{"codec":"H264","height":1080,"name":"p","role":"main","url":"rtsp://192.0.2.3/1","width":1920}]}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if c := foundCamera(onvif.Result{Err: onvif.ErrNoPassword}); c["problem"] != onvif.ErrNoPassword.Error() || len(c["profiles"].([]any)) != 0 {
		t.Errorf("%v", c)
	}
}

func TestChanges(t *testing.T) {
	state := func(s string) happening {
		return happening{s, map[string]any{"name": "x", "state": s, "reason": "why"}}
	}
	someone := happening{data: map[string]any{"name": "Ada"}}
	all := func(people, trunks, cameras map[string]happening) *happenings {
		return &happenings{people: people, trunks: trunks, cameras: cameras}
	}
	type m = map[string]happening
	for name, c := range map[string]struct {
		was, is *happenings
		want    []string
	}{
		"nothing":     {all(m{"a": someone}, m{"t": state("up")}, m{"c": state("live")}), all(m{"a": someone}, m{"t": state("up")}, m{"c": state("live")}), nil},
		"one comes":   {all(nil, nil, nil), all(m{"a": someone}, nil, nil), []string{"umbrella.join"}},
		"one goes":    {all(m{"a": someone}, nil, nil), all(nil, nil, nil), []string{"umbrella.leave"}},
		"another one": {all(m{"a": someone}, nil, nil), all(m{"b": someone}, nil, nil), []string{"umbrella.join", "umbrella.leave"}},
		"trunk":       {all(nil, m{"t": state("up")}, nil), all(nil, m{"t": state("down")}, nil), []string{"umbrella.trunk down"}},
		"new camera":  {all(nil, nil, nil), all(nil, nil, m{"c": state("idle")}), []string{"umbrella.camera idle"}},
		"no camera":   {all(nil, nil, m{"c": state("idle")}), all(nil, nil, nil), []string{"umbrella.camera removed"}},
	} {
		var got []string
		for _, e := range changes(c.was, c.is) {
			text := e.name
			if s, ok := e.data["state"]; ok {
				text += " " + s.(string)
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Who came before the node was on the bus is told of once it is; who came while ubusd
// was away is not, as others are not told of anew.
func TestNews(t *testing.T) {
	n := news{was: &happenings{}}
	people := func(ids ...string) func() *happenings {
		h := &happenings{people: map[string]happening{}}
		for _, id := range ids {
			h.people[id] = happening{data: map[string]any{"id": id}}
		}
		return func() *happenings { return h }
	}
	for i, step := range []struct {
		connected bool
		people    []string
		want      []string
	}{
		{false, []string{"a"}, nil},
		{false, []string{"a"}, nil},
		{true, []string{"a"}, []string{"umbrella.join a"}},
		{true, []string{"a", "b"}, []string{"umbrella.join b"}},
		{false, []string{"a", "b", "c"}, nil},
		{true, []string{"a", "b", "c"}, nil},
		{true, []string{"a", "c"}, []string{"umbrella.leave b"}},
	} {
		var got []string
		for _, e := range n.next(step.connected, people(step.people...)) {
			got = append(got, e.name+" "+e.data["id"].(string))
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%d. got %q, want %q", i, got, step.want)
		}
	}
}

func TestHappenings(t *testing.T) {
	cfg := settings(t, "config backhaul in\n\toption secret '0123456789abcdef'\n")
	n := startNode(t, cfg)
	join(t, cfg, &peer.Peer{Room: "den", Name: "Ada"})
	h := n.happenings()
	if len(h.people) != 1 || h.trunks["in"].state != "down" || len(h.cameras) != 0 {
		t.Errorf("%+v", h)
	}
	for _, p := range h.people {
		keys := slices.Sorted(maps.Keys(p.data))
		if p.data["name"] != "Ada" || p.data["kind"] != "person" || !slices.Equal(keys, []string{"id", "kind", "name", "node", "room"}) {
			t.Errorf("%v", p.data)
		}
	}
	var none *bus
	if none.station(&sfu.Participant{Address: netip.AddrPort{}.String()}) != nil {
		t.Error("a station without a bus")
	}
}
