// Package wire checks a protobuf message from outside before it is unpacked. Empty
// elements take two bytes on the way and more than a hundred in memory, so a message
// that is bounded in bytes alone may unpack to fifty times its size.
package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits of one type of message and of all that it contains.
type Limits struct {
	// Elements is how many elements each repeated or map field may have in the
	// message that it is a field of. Every such field has to be here.
	Elements map[protoreflect.FullName]int
	// Text is how many bytes a string or a bytes field may have, and TextOf the same
	// for those fields that differ.
	Text   int
	TextOf map[protoreflect.FullName]int
	// Total is how many messages, elements of fields, and fields that the type does
	// not have there may be in all, at any depth.
	Total int
}

// Schema is a type of message with its limits. It is safe for concurrent use.
type Schema struct {
	root  *message
	total int
}

type message struct {
	fields []*field // by number; nil where there is none
	count  int      // of them
}

type field struct {
	name   string // with that of its message
	index  int    // among those of the message
	most   int    // elements, or occurrences
	list   bool   // or a map
	oneof  int    // 1 more than its index; 0: it is in none
	kind   protowire.Type
	text   int              // bytes; 0: it is no text
	packed func([]byte) int // counts the elements of a packed field; nil: it cannot be packed
	inner  *message         // nil: it is no message
}

const (
	// What a type of message may have: see Schema.Check, which counts on its stack.
	maxFields = 32
	maxNumber = 255
	// maxDepth is how deep messages may be nested.
	maxDepth = 16
)

var (
	errCut   = errors.New("the message is cut off or damaged")
	errDeep  = fmt.Errorf("messages are nested more than %d deep", maxDepth)
	errGroup = errors.New("groups are not used")
	errTotal = errors.New("the message has too many elements")
	errUnion = errors.New("two fields of a oneof are set")
)

// Must makes a Schema. It panics where a repeated or map field has no limit, where a
// limit names no field, and where a message has a field that cannot be counted. So a
// field that is added without a limit is found as soon as the program starts.
func Must(root proto.Message, l Limits) *Schema {
	if l.Total < 1 || l.Text < 1 {
		panic("wire: Total and Text have to be set")
	}
	c := compiler{limits: l, known: map[protoreflect.FullName]*message{}, used: map[protoreflect.FullName]bool{}}
	s := &Schema{root: c.message(root.ProtoReflect().Descriptor()), total: l.Total}
	for name := range l.Elements {
		if !c.used[name] {
			panic(fmt.Sprintf("wire: %s has a limit and is no repeated field", name))
		}
	}
	for name := range l.TextOf {
		if !c.used[name] {
			panic(fmt.Sprintf("wire: %s has a limit and is no text", name))
		}
	}
	return s
}

type compiler struct {
	limits Limits
	known  map[protoreflect.FullName]*message
	used   map[protoreflect.FullName]bool
}

func (c *compiler) message(d protoreflect.MessageDescriptor) *message {
	if m := c.known[d.FullName()]; m != nil {
		return m
	}
	m := &message{count: d.Fields().Len()}
	c.known[d.FullName()] = m
	if m.count > maxFields {
		panic(fmt.Sprintf("wire: %s has more than %d fields", d.FullName(), maxFields))
	}
	for i := range m.count {
		f := d.Fields().Get(i)
		if f.Number() > maxNumber || f.Kind() == protoreflect.GroupKind {
			panic(fmt.Sprintf("wire: %s cannot be counted", f.FullName()))
		}
		for len(m.fields) <= int(f.Number()) {
			m.fields = append(m.fields, nil)
		}
		m.fields[f.Number()] = c.field(f)
	}
	return m
}

func (c *compiler) field(d protoreflect.FieldDescriptor) *field {
	f := &field{name: string(d.Parent().Name()) + "." + string(d.Name()), index: d.Index(), most: 1}
	if d.IsList() || d.IsMap() {
		f.most = c.limits.Elements[d.FullName()]
		if f.most < 1 {
			panic(fmt.Sprintf("wire: %s has no limit", d.FullName()))
		}
		f.list = true
		c.used[d.FullName()] = true
	}
	if o := d.ContainingOneof(); o != nil && !o.IsSynthetic() {
		f.oneof = o.Index() + 1
	}
	switch d.Kind() {
	case protoreflect.MessageKind:
		f.kind, f.inner = protowire.BytesType, c.message(d.Message())
	case protoreflect.StringKind, protoreflect.BytesKind:
		f.kind, f.text = protowire.BytesType, c.limits.Text
		if own, ok := c.limits.TextOf[d.FullName()]; ok {
			f.text = own
			c.used[d.FullName()] = true
		}
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		f.kind, f.packed = protowire.Fixed32Type, func(b []byte) int { return (len(b) + 3) / 4 }
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		f.kind, f.packed = protowire.Fixed64Type, func(b []byte) int { return (len(b) + 7) / 8 }
	default:
		f.kind, f.packed = protowire.VarintType, varints
	}
	if !d.IsList() {
		f.packed = nil
	}
	return f
}

// varints is how many there are: the last byte of each is below 0x80.
func varints(b []byte) (n int) {
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// Unmarshal unpacks b into m, whose type is that of the Schema, once Check has found
// nothing wrong. Fields that the type does not have are left out.
func (s *Schema) Unmarshal(b []byte, m proto.Message) error {
	if err := s.Check(b); err != nil {
		return err
	}
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, m)
}

// Check says what of b is not within the limits. Besides those it refuses what no
// encoder makes and what costs much to unpack: a field that is there twice though it
// is not repeated (unpacking would merge the two), two fields of a oneof, a field of
// another wire type, groups, and messages nested more than 16 deep.
func (s *Schema) Check(b []byte) error {
	left := s.total
	return s.root.check(b, &left, maxDepth)
}

func (m *message) check(b []byte, left *int, depth int) error {
	if depth == 0 {
		return errDeep
	}
	var count [maxFields]int32
	var set uint32 // oneofs, a bit each
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errCut
		}
		b = b[size:]
		if kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return errGroup
		}
		if size = protowire.ConsumeFieldValue(number, kind, b); size < 0 {
			return errCut
		}
		value := b[:size]
		b = b[size:]
		if int(number) >= len(m.fields) || m.fields[number] == nil {
			if *left--; *left < 0 {
				return errTotal
			}
			continue // it is left out when the message is unpacked
		}
		f := m.fields[number]
		elements, err := f.check(value, kind, left, depth)
		if err != nil {
			return err
		}
		if f.list || f.inner != nil {
			if *left -= elements; *left < 0 {
				return errTotal
			}
		}
		if count[f.index] += int32(elements); int(count[f.index]) > f.most {
			if f.most == 1 {
				return fmt.Errorf("%s is there more than once", f.name)
			}
			return fmt.Errorf("%s has more than %d elements", f.name, f.most)
		}
		if f.oneof > 0 {
			bit := uint32(1) << (f.oneof - 1)
			if set&bit != 0 {
				return errUnion
			}
			set |= bit
		}
	}
	return nil
}

// check looks at one occurrence of a field, and says how many elements it is.
func (f *field) check(value []byte, kind protowire.Type, left *int, depth int) (elements int, err error) {
	if kind == protowire.BytesType && f.packed != nil {
		b, _ := protowire.ConsumeBytes(value)
		return f.packed(b), nil
	}
	if kind != f.kind {
		return 0, fmt.Errorf("%s is of another type", f.name)
	}
	if kind != protowire.BytesType {
		return 1, nil
	}
	b, _ := protowire.ConsumeBytes(value)
	if f.text > 0 && len(b) > f.text {
		return 0, fmt.Errorf("%s has more than %d bytes", f.name, f.text)
	}
	if f.inner != nil {
		return 1, f.inner.check(b, left, depth-1)
	}
	return 1, nil
}
