package sfu

import "testing"

// Who an address such as /whep/den/NAME names: local ones first, cameras and streams
// before people, NAME@NODE at one node.
func TestFind(t *testing.T) {
	s := &SFU{}
	t.Cleanup(func() { close5(t, s) })
	s.SetNode("attic", "aaaaaaaaaaaaaaaa")
	at := func(node, origin, id, name string, kind Kind) *Participant {
		e := Entry{Room: "den", ID: id, Name: name, Kind: kind, Node: node, Origin: origin}
		if origin != "" && id != "" {
			e.ID = RemoteID(id, origin)
		}
		p := join(t, s, e)
		t.Cleanup(p.Leave)
		return p
	}
	const cellar, barn, other = "cccccccccccccccc", "bbbbbbbbbbbbbbbb", "dddddddddddddddd"
	door := at("", "", "door", "Front door", Camera)
	obs := at("", "", StreamID("obs"), "obs", Stream)
	ada := at("", "", "", "Ada", Person)
	eve := at("", "", "", "gate", Person) // by the name of a camera of another node
	mark := at("", "", "", "a@b", Person)
	viewer := join(t, s, Entry{Room: "den", Name: "Player", Kind: Stream, ViewOnly: true})
	farDoor := at("cellar", cellar, "door", "Kellertür", Camera)
	gate := at("cellar", cellar, "gate", "Gate", Camera)
	barnGate := at("barn", barn, "gate", "Gate", Camera)
	mic := at("barn", barn, StreamID("mic"), "mic", Stream)
	farAda := at("cellar", cellar, "ADAADAADAADAADA1", "Ada", Person)
	bob := at("barn", barn, "BOBBOBBOBBOBBOB1", "Bob 包", Person)
	twin := at("barn", other, "gate", "Gate", Camera) // another node of the same name
	other1 := join(t, s, Entry{Room: "hall", ID: "hallway", Name: "Hallway", Kind: Camera})
	room := s.Room("den")
	for asked, want := range map[string]*Participant{
		"door": door, "Front door": door, "door@attic": door, "Front door@attic": door, "door@aaaaaaaaaaaaaaaa": door,
		"obs": obs, "whip-obs": obs, "obs@attic": obs, "Ada": ada, "Ada@attic": ada, ada.ID: ada, "a@b": mark, "a@b@attic": mark,
		"door@cellar": farDoor, "door@" + cellar: farDoor, "Kellertür": farDoor, "Kellertu\u0308r@cellar": farDoor, "Kellertür@cellar": farDoor,
		"gate": barnGate, "Gate": barnGate, "gate@cellar": gate, "Gate@cellar": gate, "gate@attic": eve, "gate@" + other: twin,
		"mic": mic, "mic@barn": mic, "whip-mic@barn": mic, "Ada@cellar": farAda, "ADAADAADAADAADA1": farAda,
		"Bob 包": bob, "Bob 包@barn": bob, viewer.ID: viewer,
		"Player": nil, "nobody": nil, "door@barn": nil, "@cellar": nil, "door@": nil, "@": nil, "": nil, "hallway": nil, "DOOR": nil,
	} {
		if got := room.Find(asked); got != want && !(got == twin && want == barnGate) { // whichever of the two nodes of one name
			t.Errorf("%q: %+v, want %+v", asked, got, want)
		}
	}
	for asked, want := range map[string]*Participant{
		"door": door, "Front door": door, "gate": gate, "gate@cellar": gate, "hallway": other1, "Hallway": other1, "Ada": nil, "obs": nil, "gate@attic": nil,
	} {
		if got := s.FindCamera(asked); got != want && !(want == gate && got != nil && got.ID[:5] == "gate@") {
			t.Errorf("camera %q: %+v, want %+v", asked, got, want)
		}
	}
	for p, want := range map[*Participant]string{
		door: "door", obs: "obs", ada: "Ada", farDoor: "door@cellar", mic: "mic@barn", farAda: "Ada@cellar", mark: "a@b",
	} {
		if got := p.LastingName(); got != want || room.Find(got) != p {
			t.Errorf("%s lasts as %q, want %q", p.ID, got, want)
		}
	}
	viewer.Leave()
	other1.Leave()
}
