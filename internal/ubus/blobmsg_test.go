package ubus

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// golden is one line of testdata/blobmsg.txt.
type golden struct {
	both  bool
	table []byte
	json  string
}

func goldens(t testing.TB) []golden {
	t.Helper()
	f, err := os.Open("testdata/blobmsg.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []golden
	for lines := bufio.NewScanner(f); lines.Scan(); {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		if kind == "#" {
			continue
		}
		bytes, text, _ := strings.Cut(rest, " ")
		table, err := hex.DecodeString(strings.TrimPrefix(bytes, "-"))
		if err != nil {
			t.Fatalf("%q: %v", bytes, err)
		}
		all = append(all, golden{both: kind == "both", table: table, json: text})
	}
	if len(all) < 10 {
		t.Fatalf("%d lines read", len(all))
	}
	return all
}

func TestAsLibubox(t *testing.T) {
	for _, g := range goldens(t) {
		if g.both {
			got, err := Marshal(json.RawMessage(g.json))
			if err != nil || !bytes.Equal(got, g.table) {
				t.Errorf("%s: got %x, %v\nwant %x", g.json, got, err, g.table)
			}
		}
		var got json.RawMessage
		if err := Unmarshal(g.table, &got); err != nil || string(got) != compact(t, g.json) {
			t.Errorf("%x: got %s, %v, want %s", g.table, got, err, g.json)
		}
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarshal(t *testing.T) {
	nested := func(depth int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))
	}
	type person struct {
		Name string  `json:"name"`
		Age  *uint64 `json:"age,omitempty"`
		Loss float64 `json:"loss"`
	}
	for _, test := range []struct {
		name string
		from any
		want string // what it is read back as
		err  string
	}{
		{"nothing", nil, `{}`, ""},
		{"a struct, in its order", person{Name: "Zoë", Loss: 0.5}, `{"name":"Zoë","loss":0.5}`, ""},
		{"a map", map[string]any{"b": []string{"x"}, "a": true}, `{"a":true,"b":["x"]}`, ""},
		{"more than 64 bits", json.RawMessage(`{"n":18446744073709551615}`), `{"n":1.8446744073709552e+19}`, ""},
		{"a NUL", map[string]string{"a\x00b": "c\x00d"}, `{"a�b":"c�d"}`, ""},
		{"no name", map[string]int{"": 1}, `{"":1}`, ""},
		{"as deep as may be", nested(maxDepth), string(nested(maxDepth)), ""},
		{"too deep", nested(maxDepth + 1), "", "nested more than 32 deep"},
		{"an array", []int{1}, "", "[]int is no table"},
		{"a number", 1, "", "int is no table"},
		{"null", json.RawMessage("null"), "", "is no table"},
		{"not JSON's", map[string]any{"f": func() {}}, "", "unsupported type"},
		{"out of range", json.RawMessage(`{"n":1e999}`), "", "number 1e999: out of range"},
		{"a long name", map[string]int{strings.Repeat("n", maxName+1): 1}, "", "a name of 65536 bytes"},
		{"too large", map[string][]string{"a": {strings.Repeat("x", maxMessage), "y"}}, "", ErrTooLarge.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			table, err := Marshal(test.from)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got json.RawMessage
			if err := Unmarshal(table, &got); err != nil || string(got) != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestUnmarshalDamaged(t *testing.T) {
	fields := func(hexes ...string) []byte {
		b, err := hex.DecodeString(strings.Join(hexes, ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var deep []byte
	for range maxDepth {
		start, b := beginField(nil, "a")
		deep = endField(append(b, deep...), start, Table)
	}
	for _, test := range []struct {
		name  string
		table []byte
		err   string
	}{
		{"half a head", fields("8500"), "damaged"},
		{"longer than what is there", fields("8500000c00016100000000"), "damaged"},
		{"shorter than a head", fields("85000003"), "damaged"},
		{"no room for the name's length", fields("8500000500000000"), "damaged"},
		{"a name longer than the data", fields("8500000c00ff610000000001"), "damaged"},
		{"a name without an end", fields("8500000c0001616100000001"), "damaged"},
		{"an integer of 2 bytes as one of 4", fields("8500000a0001610000010000"), "damaged"},
		{"a string without an end", fields("8300000a0001610078780000"), "damaged"},
		{"an empty string without an end", fields("8300000800016100"), "damaged"},
		{"a type that is not known", fields("8900000800016100"), "unknown type 9"},
		{"damage inside", fields("8200000c00016100", "85000003"), "damaged"},
		{"too deep", deep, "nested more than 32 deep"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got any
			if err := Unmarshal(test.table, &got); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestUnmarshalInto(t *testing.T) {
	table, err := Marshal(json.RawMessage(`{"signal":-61,"rate":{"rx":866700},"name":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Signal int
		Rate   struct{ RX uint64 }
	}
	if err := Unmarshal(table, &got); err != nil || got.Signal != -61 || got.Rate.RX != 866700 {
		t.Errorf("got %+v, %v", got, err)
	}
	var wrong struct{ Name int }
	if err := Unmarshal(table, &wrong); err == nil {
		t.Errorf("a string was read into an integer: %+v", wrong)
	}
}

// FuzzUnmarshal: whatever can be read can be written, and is the same again.
func FuzzUnmarshal(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.table)
	}
	f.Add([]byte("\x85\x00\x00\f\x00\x01\x00\x000000")) // a NUL in the name
	f.Fuzz(func(t *testing.T, table []byte) {
		var first any
		if Unmarshal(table, &first) != nil {
			return
		}
		written, err := Marshal(first)
		if errors.Is(err, ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatalf("%#v: %v", first, err)
		}
		var second any
		if err := Unmarshal(written, &second); err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("got %#v, %v\nwant %#v", second, err, first)
		}
	})
}

// FuzzMarshal: whatever is written can be read, and is well formed.
func FuzzMarshal(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.json)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := Marshal(json.RawMessage(text))
		if err != nil {
			return
		}
		if len(table)%4 != 0 {
			t.Fatalf("%d bytes are not filled up", len(table))
		}
		var got any
		if err := Unmarshal(table, &got); err != nil {
			t.Fatalf("%x: %v", table, err)
		}
	})
}

// FuzzMessage: whatever comes over the socket, reading goes on or ends.
func FuzzMessage(f *testing.F) {
	for _, name := range []string{"publish", "stations"} {
		for _, l := range recording(f, name) {
			f.Add(l.raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readMessage(bytes.NewReader(raw))
		if err != nil {
			return
		}
		for id := range attrCount {
			m.uint32(id)
			m.flag(id)
			if s := m.string(id); strings.ContainsRune(s, 0) {
				t.Fatalf("%q goes on after its end", s)
			}
		}
		method := Method{Policy: map[string]Type{"room": String, "participant": String, "n": Int32}}
		if text, err := method.arguments(m.attrs[attrData]); err == nil && !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		} else if err != nil && statusOf(err) != StatusInvalidArgument {
			t.Fatal(err)
		}
	})
}

// What comes is counted before it is decoded, and arguments come once.
func TestManyValues(t *testing.T) {
	array := func(values int) []byte {
		start, b := beginField(nil, "a")
		return endField(append(b, bytes.Repeat([]byte{0, 0, 0, 4}, values)...), start, Array) // nulls
	}
	for values, want := range map[int]string{maxFields - 1: "", maxFields: "blobmsg: more than 32768 values", 250_000: "blobmsg: more than 32768 values"} {
		var v struct {
			A []any `json:"a"`
		}
		got := ""
		if err := Unmarshal(array(values), &v); err != nil {
			got = err.Error()
		}
		if got != want || want == "" && len(v.A) != values {
			t.Errorf("%d values: %q, and %d are decoded", values, got, len(v.A))
		}
	}
	number := func(name string) []byte {
		start, b := beginField(nil, name)
		return endField(append(b, 0, 0, 0, 1), start, Int32)
	}
	method := Method{Policy: map[string]Type{"a": Array, "n": Int32, "s": String}}
	start, long := beginField(nil, "s")
	long = endField(append(append(long, bytes.Repeat([]byte{'x'}, maxArguments)...), 0), start, String)
	for want, table := range map[string][]byte{
		"":                                     append(number("n"), array(10)...),
		`argument "n" is there more than once`: append(number("n"), number("n")...),
		"the arguments have more than 65536 bytes": long,
	} {
		got := ""
		if _, err := method.arguments(table); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
