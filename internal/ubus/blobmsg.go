package ubus

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"umbrella/internal/crash"
)

// Type is the type of a value in a blobmsg, as the message's number says.
type Type uint32

// What OpenWrt calls BLOBMSG_TYPE_ARRAY, BLOBMSG_TYPE_TABLE and so on. Null is
// BLOBMSG_TYPE_UNSPEC, and Bool is also BLOBMSG_TYPE_INT8.
const (
	Null Type = iota
	Array
	Table
	String
	Int64
	Int32
	Int16
	Bool
	Double
)

// String is the type's name in a sentence.
func (t Type) String() string {
	switch t {
	case Null:
		return "null"
	case Array:
		return "an array"
	case Table:
		return "a table"
	case String:
		return "a string"
	case Int64, Int32, Int16:
		return "an integer"
	case Bool:
		return "a boolean"
	case Double:
		return "a number"
	default:
		return fmt.Sprintf("of type %d", uint32(t))
	}
}

const (
	// maxDepth is how deep tables and arrays may be nested: what json-c reads.
	maxDepth = 32
	// maxFields is how many values there may be in a message, at any depth. hostapd
	// tells about 60 of each station.
	maxFields = 1 << 15
	// maxName is the longest name in bytes: its length has 16 bits.
	maxName = math.MaxUint16
)

// Marshal writes v as the blobmsg of a table: v is whatever encoding/json writes
// as an object, or nil for an empty table. Whole numbers become Int32 where they
// fit and Int64 where not, others Double, as the command `ubus` does it. A NUL
// in a string, which C would take for its end, becomes U+FFFD. The error is
// ErrTooLarge, or tells what cannot be written.
func Marshal(v any) ([]byte, error) {
	if v == nil {
		return []byte{}, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("blobmsg: %w", err)
	}
	w := blobmsgWriter{from: json.NewDecoder(bytes.NewReader(text)), out: []byte{}}
	w.from.UseNumber()
	if first, err := w.from.Token(); err != nil {
		return nil, fmt.Errorf("blobmsg: %w", err)
	} else if first != json.Delim('{') {
		return nil, fmt.Errorf("blobmsg: %T is no table", v)
	}
	if err := w.table(1); err != nil {
		return nil, fmt.Errorf("blobmsg: %w", err)
	}
	return w.out, nil
}

// blobmsgWriter turns JSON into blobmsg.
type blobmsgWriter struct {
	from *json.Decoder
	out  []byte
}

// table writes what is in an object, whose brace has been read.
func (w *blobmsgWriter) table(depth int) error {
	for {
		name, err := w.from.Token()
		if err != nil {
			return err
		}
		if name == json.Delim('}') {
			return nil
		}
		v, err := w.from.Token()
		if err != nil {
			return err
		}
		if err := w.value(name.(string), v, depth); err != nil {
			return err
		}
	}
}

// array writes what is in an array, whose bracket has been read.
func (w *blobmsgWriter) array(depth int) error {
	for {
		v, err := w.from.Token()
		if err != nil {
			return err
		}
		if v == json.Delim(']') {
			return nil
		}
		if err := w.value("", v, depth); err != nil {
			return err
		}
	}
}

// value writes a value under its name.
func (w *blobmsgWriter) value(name string, v json.Token, depth int) error {
	name = withoutNUL(name)
	if len(name) > maxName {
		return fmt.Errorf("a name of %d bytes is more than %d", len(name), maxName)
	}
	if len(w.out) > maxMessage {
		return ErrTooLarge
	}
	start, out := beginField(w.out, name)
	w.out = out
	t, err := w.data(v, depth)
	if err != nil {
		return err
	}
	w.out = endField(w.out, start, t)
	return nil
}

// beginField appends a value's head and its name, for endField to fill in.
func beginField(b []byte, name string) (start int, _ []byte) {
	start, b = beginBlob(b)
	b = binary.BigEndian.AppendUint16(b, uint16(len(name)))
	return start, pad(append(append(b, name...), 0))
}

func endField(b []byte, start int, t Type) []byte {
	return endBlob(b, start, blobExtended|uint32(t)<<24)
}

// data writes what comes after the name, and tells its type.
func (w *blobmsgWriter) data(v json.Token, depth int) (Type, error) {
	switch v := v.(type) {
	case nil:
		return Null, nil
	case bool:
		if v {
			w.out = append(w.out, 1)
		} else {
			w.out = append(w.out, 0)
		}
		return Bool, nil
	case string:
		w.out = append(append(w.out, withoutNUL(v)...), 0)
		return String, nil
	case json.Number:
		return w.number(v)
	}
	if depth == maxDepth {
		return 0, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	if v == json.Delim('{') {
		return Table, w.table(depth + 1)
	}
	return Array, w.array(depth + 1)
}

func (w *blobmsgWriter) number(v json.Number) (Type, error) {
	if n, err := v.Int64(); err == nil {
		if n >= math.MinInt32 && n <= math.MaxInt32 {
			w.out = binary.BigEndian.AppendUint32(w.out, uint32(n))
			return Int32, nil
		}
		w.out = binary.BigEndian.AppendUint64(w.out, uint64(n))
		return Int64, nil
	}
	n, err := v.Float64()
	if err != nil {
		return 0, fmt.Errorf("number %s: out of range", v)
	}
	w.out = binary.BigEndian.AppendUint64(w.out, math.Float64bits(n))
	return Double, nil
}

func withoutNUL(s string) string {
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// Unmarshal reads the blobmsg of a table into v, which is what json.Unmarshal
// takes. Integers are signed, those of 8 bits are booleans, and a Double that
// JSON has no word for is null: as the command `ubus` shows them.
func Unmarshal(table []byte, v any) (err error) {
	defer crash.Catch(crash.Ubus, "", &err)
	text, err := tableJSON(table)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("blobmsg: %w", err)
	}
	return nil
}

// tableJSON writes the blobmsg of a table as JSON.
func tableJSON(table []byte) ([]byte, error) {
	if left := maxFields; !fewFields(table, &left, 1) {
		return nil, fmt.Errorf("more than %d values", maxFields)
	}
	return appendTable(make([]byte, 0, 2*len(table)+2), table, 1)
}

// fewFields reports whether there are no more values in a table or an array than are
// left, before anything of it is decoded: one takes 4 bytes in a message, and a hundred
// in a map. What is damaged, or nested too deep, is for the decoder to tell.
func fewFields(b []byte, left *int, depth int) bool {
	for len(b) > 0 && depth <= maxDepth {
		first, rest, err := nextBlob(b)
		if err != nil {
			return true
		}
		if *left--; *left < 0 {
			return false
		}
		if kind := Type(first.id); kind == Table || kind == Array {
			f, _, err := nextField(b)
			if err != nil {
				return true
			}
			if !fewFields(f.data, left, depth+1) {
				return false
			}
		}
		b = rest
	}
	return true
}

// field is one value in a table or an array, its data not looked at.
type field struct {
	name string // empty in an array
	kind Type
	data []byte
}

// nextField takes the first value off a table or an array.
func nextField(b []byte) (f field, rest []byte, err error) {
	first, rest, err := nextBlob(b)
	if err != nil {
		return field{}, nil, err
	}
	f = field{kind: Type(first.id), data: first.data}
	if !first.extended {
		return f, rest, nil
	}
	if len(f.data) < 2 {
		return field{}, nil, errBlob
	}
	length := int(binary.BigEndian.Uint16(f.data))
	padded := (2 + length + 1 + 3) &^ 3
	if padded > len(f.data) {
		return field{}, nil, errBlob
	}
	name, ok := cString(f.data[2 : 2+length+1])
	if !ok {
		return field{}, nil, errBlob
	}
	f.name, f.data = name, f.data[padded:]
	return f, rest, nil
}

func appendTable(to, b []byte, depth int) ([]byte, error) {
	to = append(to, '{')
	for begin := len(to); len(b) > 0; {
		f, rest, err := nextField(b)
		if err != nil {
			return nil, err
		}
		if len(to) > begin {
			to = append(to, ',')
		}
		to = append(appendJSONString(to, f.name), ':')
		if to, err = appendValue(to, f, depth); err != nil {
			return nil, err
		}
		b = rest
	}
	return append(to, '}'), nil
}

func appendArray(to, b []byte, depth int) ([]byte, error) {
	to = append(to, '[')
	for begin := len(to); len(b) > 0; {
		f, rest, err := nextField(b)
		if err != nil {
			return nil, err
		}
		if len(to) > begin {
			to = append(to, ',')
		}
		if to, err = appendValue(to, f, depth); err != nil {
			return nil, err
		}
		b = rest
	}
	return append(to, ']'), nil
}

func appendValue(to []byte, f field, depth int) ([]byte, error) {
	switch f.kind {
	case Null:
		return append(to, "null"...), nil
	case String:
		s, ok := cString(f.data)
		if !ok {
			return nil, errBlob
		}
		return appendJSONString(to, s), nil
	case Table, Array:
		if depth == maxDepth {
			return nil, fmt.Errorf("nested more than %d deep", maxDepth)
		}
		if f.kind == Table {
			return appendTable(to, f.data, depth+1)
		}
		return appendArray(to, f.data, depth+1)
	default:
		return appendNumber(to, f)
	}
}

func appendNumber(to []byte, f field) ([]byte, error) {
	if width, err := f.kind.width(); err != nil {
		return nil, err
	} else if len(f.data) != width {
		return nil, errBlob
	}
	switch f.kind {
	case Int64:
		return strconv.AppendInt(to, int64(binary.BigEndian.Uint64(f.data)), 10), nil
	case Int32:
		return strconv.AppendInt(to, int64(int32(binary.BigEndian.Uint32(f.data))), 10), nil
	case Int16:
		return strconv.AppendInt(to, int64(int16(binary.BigEndian.Uint16(f.data))), 10), nil
	case Bool:
		return strconv.AppendBool(to, f.data[0] != 0), nil
	default:
		v := math.Float64frombits(binary.BigEndian.Uint64(f.data))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(to, "null"...), nil
		}
		return strconv.AppendFloat(to, v, 'g', -1, 64), nil
	}
}

// width is how many bytes a number has.
func (t Type) width() (int, error) {
	switch t {
	case Int64, Double:
		return 8, nil
	case Int32:
		return 4, nil
	case Int16:
		return 2, nil
	case Bool:
		return 1, nil
	default:
		return 0, fmt.Errorf("unknown type %d", uint32(t))
	}
}

// cString is the string that ends at the first NUL; there has to be one at the
// end of the data.
func cString(data []byte) (string, bool) {
	if len(data) == 0 || data[len(data)-1] != 0 {
		return "", false
	}
	return string(data[:bytes.IndexByte(data, 0)]), true
}

func appendJSONString(to []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string can always be written
	return append(to, text...)
}
