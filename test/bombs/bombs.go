// Package bombs makes protobuf messages that are small on the way and large in
// memory, of every kind that a type of message gives room for.
package bombs

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Of returns bombs by what they are: for each field of the message and of all that it
// contains, where it may be repeated and where it may not, one in which it is there so
// often with nothing in it; and fields that the type does not have, and groups.
func Of(root proto.Message, times int) map[string][]byte {
	b := builder{times: times, all: map[string][]byte{}, known: map[protoreflect.FullName]bool{}}
	b.message(root.ProtoReflect().Descriptor(), nil)
	return b.all
}

type builder struct {
	times int
	all   map[string][]byte
	known map[protoreflect.FullName]bool
}

func (b *builder) message(d protoreflect.MessageDescriptor, within []protowire.Number) {
	if b.known[d.FullName()] {
		return
	}
	b.known[d.FullName()] = true
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		many := bytes.Repeat(empty(f), b.times)
		b.add(fmt.Sprintf("%d times %s", b.times, f.FullName()), many, within)
		if f.IsList() && f.IsPacked() {
			packed := protowire.AppendTag(nil, f.Number(), protowire.BytesType)
			b.add("packed "+string(f.FullName()), protowire.AppendBytes(packed, make([]byte, b.times)), within)
		}
		if f.Message() != nil {
			b.message(f.Message(), append(slices.Clone(within), f.Number()))
		}
	}
	const strange = 500 // no field has that number
	b.add(fmt.Sprintf("%d times a field that %s does not have", b.times, d.FullName()), bytes.Repeat(protowire.AppendBytes(
		protowire.AppendTag(nil, strange, protowire.BytesType), nil), b.times), within)
	group := bytes.Repeat(protowire.AppendTag(nil, strange, protowire.StartGroupType), b.times)
	group = append(group, bytes.Repeat(protowire.AppendTag(nil, strange, protowire.EndGroupType), b.times)...)
	b.add("groups in "+string(d.FullName()), group, within)
}

func (b *builder) add(name string, what []byte, within []protowire.Number) {
	for _, number := range slices.Backward(within) {
		what = protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), what)
	}
	b.all[name] = what
}

// empty is one occurrence of a field with nothing in it.
func empty(f protoreflect.FieldDescriptor) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.StringKind, protoreflect.BytesKind:
		return protowire.AppendBytes(protowire.AppendTag(nil, f.Number(), protowire.BytesType), nil)
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.AppendFixed32(protowire.AppendTag(nil, f.Number(), protowire.Fixed32Type), 0)
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.AppendFixed64(protowire.AppendTag(nil, f.Number(), protowire.Fixed64Type), 0)
	}
	return protowire.AppendVarint(protowire.AppendTag(nil, f.Number(), protowire.VarintType), 0)
}
