package node

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// plain is a message as JSON has it by the rules of protobuf (names in camelCase,
// enums by name), but with all numbers as numbers: what reads ubus does not expect
// long ones in quotes. What is not set is there with its zero value, messages
// excepted.
func plain(m proto.Message) map[string]any { return plainMessage(m.ProtoReflect()) }

func plainList[T proto.Message](list []T) []any {
	out := make([]any, 0, len(list))
	for _, m := range list {
		out = append(out, plain(m))
	}
	return out
}

func plainMessage(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.IsList() {
			list := m.Get(f).List()
			values := make([]any, 0, list.Len())
			for j := range list.Len() {
				values = append(values, plainValue(f, list.Get(j)))
			}
			out[f.JSONName()] = values
			continue
		}
		if f.Message() != nil && !m.Has(f) {
			continue
		}
		out[f.JSONName()] = plainValue(f, m.Get(f))
	}
	return out
}

func plainValue(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case f.Message() != nil:
		return plainMessage(v.Message())
	case f.Enum() != nil:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return string(e.Name())
		}
		return int32(v.Enum())
	}
	return v.Interface()
}
