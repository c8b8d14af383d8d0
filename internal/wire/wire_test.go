package wire_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	"umbrella/internal/wire"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/bombs"
)

// limitsOf gives every repeated and every map field of a type the same limit.
func limitsOf(root proto.Message, elements, total int) wire.Limits {
	l := wire.Limits{Elements: map[protoreflect.FullName]int{}, Text: 1000, Total: total}
	known := map[protoreflect.FullName]bool{}
	var look func(d protoreflect.MessageDescriptor)
	look = func(d protoreflect.MessageDescriptor) {
		if known[d.FullName()] {
			return
		}
		known[d.FullName()] = true
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			if f.IsList() || f.IsMap() {
				l.Elements[f.FullName()] = elements
			}
			if f.Message() != nil {
				look(f.Message())
			}
		}
	}
	look(root.ProtoReflect().Descriptor())
	return l
}

// roots have, between them, every kind of field: those of Umbrella, packed numbers,
// maps, and messages that contain themselves.
func roots() []proto.Message {
	return []proto.Message{
		&umbrellav1.ClientMessage{}, &umbrellav1.TrunkMessage{}, &descriptorpb.SourceCodeInfo{}, &structpb.Struct{},
	}
}

func TestBombsAreRefusedUnpacked(t *testing.T) {
	const times = 295_000 // 590 KB of two bytes each
	for _, root := range roots() {
		s := wire.Must(root, limitsOf(root, 64, 256))
		list := bombs.Of(root, times)
		if len(list) < 6 {
			t.Fatalf("%d bombs for %T", len(list), root)
		}
		for name, b := range list {
			var before, after runtime.MemStats
			m := root.ProtoReflect().New().Interface()
			runtime.ReadMemStats(&before)
			err := s.Unmarshal(b, m)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%s is taken", name)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<10 {
				t.Errorf("%s: %d bytes are allocated for a message that is refused", name, n)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	join := func(codecs ...string) []byte {
		return marshal(t, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{ReceiveCodecs: codecs}}})
	}
	s := wire.Must(&umbrellav1.ClientMessage{}, limitsOf(&umbrellav1.ClientMessage{}, 3, 5))
	location := wire.Must(&descriptorpb.SourceCodeInfo{}, limitsOf(&descriptorpb.SourceCodeInfo{}, 3, 5))
	path := func(n ...int32) []byte {
		return marshal(t, &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{{Path: n}}})
	}
	long := strings.Repeat("x", 1001)
	nested := structpb.NewNullValue()
	for range 9 { // a value and a list each
		nested = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{nested}})
	}
	values := wire.Must(&structpb.Value{}, limitsOf(&structpb.Value{}, 3, 100))
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 900, protowire.VarintType), 1)
	two := append(join(), marshal(t, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Leave{Leave: &umbrellav1.Leave{}}})...)
	for _, c := range []struct {
		schema *wire.Schema
		b      []byte
		want   string
	}{
		{s, nil, ""},
		{s, join("a", "b", "c"), ""},
		{s, join("a", "b", "c", "d"), "Join.receive_codecs has more than 3 elements"},
		{s, join(long[1:]), ""},
		{s, join(long), "Join.receive_codecs has more than 1000 bytes"},
		{s, append(join(), join()...), "ClientMessage.join is there more than once"},
		{s, two, "two fields of a oneof are set"},
		{s, slices.Concat(unknown, unknown, unknown, unknown, join()), ""},
		{s, slices.Concat(unknown, unknown, unknown, unknown, unknown, join()), "the message has too many elements"},
		{s, []byte{1 << 3, 1}, "ClientMessage.join is of another type"},
		{s, []byte{1<<3 | 3, 1<<3 | 4}, "groups are not used"},
		{s, []byte{1<<3 | 2, 5, 0}, "the message is cut off or damaged"},
		{s, []byte{0xff}, "the message is cut off or damaged"},
		{location, path(1, 200, 1<<30), ""},
		{location, path(1, 2, 3, 4), "Location.path has more than 3 elements"},
		{values, marshal(t, nested), "messages are nested more than 16 deep"},
		{values, marshal(t, nested.GetListValue().Values[0].GetListValue().Values[0]), ""},
	} {
		got := ""
		if err := c.schema.Check(c.b); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%x: %q, want %q", c.b[:min(len(c.b), 20)], got, c.want)
		}
	}
	m := &umbrellav1.ClientMessage{}
	if err := s.Unmarshal(append(join("a"), unknown...), m); err != nil || len(m.ProtoReflect().GetUnknown()) > 0 || len(m.GetJoin().ReceiveCodecs) != 1 {
		t.Errorf("%v, %v", m, err)
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMustKnowsEveryField(t *testing.T) {
	without := limitsOf(&umbrellav1.ClientMessage{}, 1, 1)
	delete(without.Elements, "umbrella.v1.PublishOffer.tracks")
	more := limitsOf(&umbrellav1.ClientMessage{}, 1, 1)
	more.Elements["umbrella.v1.Join.room"] = 1
	text := limitsOf(&umbrellav1.ClientMessage{}, 1, 1)
	text.TextOf = map[protoreflect.FullName]int{"umbrella.v1.PublishOffer.id": 1}
	for want, l := range map[string]wire.Limits{
		"umbrella.v1.PublishOffer.tracks has no limit": without, "umbrella.v1.Join.room has a limit and is no repeated field": more,
		"umbrella.v1.PublishOffer.id has a limit and is no text": text, "Total and Text have to be set": {},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != "wire: "+want {
					t.Errorf("%s, want %s", got, want)
				}
			}()
			wire.Must(&umbrellav1.ClientMessage{}, l)
		}()
	}
}

// No message from outside is unpacked past its limits: nothing else unpacks protobuf.
func TestNothingElseUnpacks(t *testing.T) {
	allowed := []string{
		"internal/wire/wire.go",
		"cmd/umbrellad/ask.go", // what the daemon on this machine answers, of which it bounds the bytes
	}
	root := filepath.Join("..", "..")
	found := []string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", "bin", ".git", "test", "bench", "proto"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(s.Sel.Name, "Unmarshal") {
				return true
			}
			of := ""
			switch x := s.X.(type) {
			case *ast.Ident:
				of = x.Name
			case *ast.CompositeLit:
				if t, ok := x.Type.(*ast.SelectorExpr); ok {
					of = fmt.Sprint(t.X)
				}
			}
			if slices.Contains([]string{"proto", "protojson", "prototext", "protodelim"}, of) {
				found = append(found, name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	slices.Sort(allowed)
	if found = slices.Compact(found); !slices.Equal(found, allowed) {
		t.Errorf("protobuf is unpacked in %q, want %q", found, allowed)
	}
}

// within tells by the unpacked message what Check tells by its bytes.
func within(m protoreflect.Message, l wire.Limits, left *int, depth int) bool {
	if depth == 0 {
		return false
	}
	fits := true
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		text := func(v protoreflect.Value) {
			switch f.Kind() {
			case protoreflect.StringKind:
				fits = fits && len(v.String()) <= l.Text
			case protoreflect.BytesKind:
				fits = fits && len(v.Bytes()) <= l.Text
			case protoreflect.MessageKind:
				fits = fits && within(v.Message(), l, left, depth-1)
			}
		}
		switch {
		case f.IsMap():
			*left -= v.Map().Len()
			fits = fits && v.Map().Len() <= l.Elements[f.FullName()]
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				fits = fits && depth > 1
				if f.MapKey().Kind() == protoreflect.StringKind {
					fits = fits && len(k.String()) <= l.Text
				}
				if f.MapValue().Kind() == protoreflect.MessageKind {
					*left--
					fits = fits && within(v.Message(), l, left, depth-2)
				}
				return true
			})
		case f.IsList():
			*left -= v.List().Len()
			fits = fits && v.List().Len() <= l.Elements[f.FullName()]
			for i := range v.List().Len() {
				text(v.List().Get(i))
			}
		default:
			if f.Kind() == protoreflect.MessageKind {
				*left--
			}
			text(v)
		}
		return true
	})
	return fits && *left >= 0
}

// What Check takes is within the limits when it is unpacked, and what proto.Marshal
// makes of any message within the limits it takes.
func FuzzCheck(f *testing.F) {
	for i, root := range roots() {
		f.Add(uint8(i), []byte{})
		for _, b := range bombs.Of(root, 5) {
			f.Add(uint8(i), b)
		}
		for seed := range uint64(8) {
			m := root.ProtoReflect().New()
			fill(rand.New(rand.NewPCG(seed, 0)), m, 6)
			f.Add(uint8(i), marshal(f, m.Interface()))
		}
	}
	schemas := make([]*wire.Schema, len(roots()))
	limits := make([]wire.Limits, len(roots()))
	for i, root := range roots() {
		limits[i] = limitsOf(root, 3, 20)
		limits[i].Text = 20
		schemas[i] = wire.Must(root, limits[i])
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		i := int(which) % len(schemas)
		m := roots()[i]
		if proto.Unmarshal(b, m) != nil {
			if schemas[i].Unmarshal(b, m) == nil {
				t.Errorf("%x is unpacked, and is none", b)
			}
			return
		}
		if schemas[i].Check(b) == nil {
			if left := limits[i].Total; !within(m.ProtoReflect(), limits[i], &left, 16) {
				t.Errorf("%v is taken", m)
			}
		}
		plain := roots()[i]
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, plain); err != nil {
			t.Fatal(err)
		}
		left := limits[i].Total
		fits := within(plain.ProtoReflect(), limits[i], &left, 16)
		if err := schemas[i].Check(marshal(t, plain)); (err == nil) != fits {
			t.Errorf("%v: %v, and it fits: %t", plain, err, fits)
		}
	})
}

// fill sets some fields of a message to something.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if r.IntN(2) == 0 || f.Message() != nil && depth == 0 {
			continue
		}
		one := func(f protoreflect.FieldDescriptor, new func() protoreflect.Value) protoreflect.Value {
			switch f.Kind() {
			case protoreflect.MessageKind:
				v := new()
				fill(r, v.Message(), depth-1)
				return v
			case protoreflect.StringKind:
				return protoreflect.ValueOfString(strings.Repeat("x", r.IntN(30)))
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes(make([]byte, r.IntN(30)))
			}
			return f.Default()
		}
		switch {
		case f.IsMap():
			for n := range r.IntN(4) {
				m.Mutable(f).Map().Set(protoreflect.ValueOfString(fmt.Sprint(n)).MapKey(), one(f.MapValue(), m.Mutable(f).Map().NewValue))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range r.IntN(4) {
				v := one(f, list.NewElement)
				if !v.IsValid() || f.Kind() != protoreflect.MessageKind && f.Kind() != protoreflect.StringKind && f.Kind() != protoreflect.BytesKind {
					v = list.NewElement()
				}
				list.Append(v)
			}
		default:
			m.Set(f, one(f, func() protoreflect.Value { return m.NewField(f) }))
		}
	}
}
