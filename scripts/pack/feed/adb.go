package main

import (
	"crypto/sha512"
	"encoding/binary"
)

// adb is a database of apk 3 that is being written, as apk-v3(5) describes the format:
// values of 32 bits, of which the upper four are a type and the others are a number or
// the place of what is too large for that.
type adb struct{ text []byte }

type value uint32

// null is a field that is not there.
const null value = 0

const (
	typeNumber   value = 0x10000000
	typeNumber32 value = 0x20000000
	typeNumber64 value = 0x30000000
	typeBlob8    value = 0x80000000
	typeBlob16   value = 0x90000000
	typeBlob32   value = 0xa0000000
	typeArray    value = 0xd0000000
	typeObject   value = 0xe0000000
)

// It begins with its version, 0, and the root, which is known last.
func newADB() *adb { return &adb{make([]byte, 8)} }

// put appends a text at a multiple of align, and returns where.
func (d *adb) put(align int, text []byte) value {
	for len(d.text)%align != 0 {
		d.text = append(d.text, 0)
	}
	at := len(d.text)
	d.text = append(d.text, text...)
	return value(at)
}

func (d *adb) number(n uint64) value {
	switch {
	case n < 1<<28:
		return typeNumber | value(n)
	case n < 1<<32:
		return typeNumber32 | d.put(4, binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
	return typeNumber64 | d.put(4, binary.LittleEndian.AppendUint64(nil, n))
}

// blob writes bytes after their length. None are a field that is not there.
func (d *adb) blob(text []byte) value {
	switch n := len(text); {
	case n == 0:
		return null
	case n < 1<<8:
		return typeBlob8 | d.put(1, append([]byte{byte(n)}, text...))
	case n < 1<<16:
		return typeBlob16 | d.put(2, append(binary.LittleEndian.AppendUint16(nil, uint16(n)), text...))
	default:
		return typeBlob32 | d.put(4, append(binary.LittleEndian.AppendUint32(nil, uint32(n)), text...))
	}
}

// array writes values in their order.
func (d *adb) array(list []value) value {
	fields := map[int]value{}
	for i, v := range list {
		fields[i+1] = v
	}
	return d.slots(typeArray, fields)
}

// object writes fields by their numbers, which begin with 1.
func (d *adb) object(fields map[int]value) value { return d.slots(typeObject, fields) }

// slots writes how many slots there are, the first of which is this number.
func (d *adb) slots(kind value, fields map[int]value) value {
	last := 0
	for i, v := range fields {
		if v != null {
			last = max(last, i)
		}
	}
	if last == 0 {
		return null
	}
	text := binary.LittleEndian.AppendUint32(nil, uint32(last+1))
	for i := 1; i <= last; i++ {
		text = binary.LittleEndian.AppendUint32(text, uint32(fields[i]))
	}
	return kind | d.put(4, text)
}

// The kinds of blocks that a file is made of, and what a signature says it is made with.
const (
	blockADB       = 0
	blockSignature = 1
	signedSHA512   = 4
)

// file returns the whole file: the database, and its signature by the key.
func (d *adb) file(schema uint32, root value, key *apkKey) ([]byte, error) {
	binary.LittleEndian.PutUint32(d.text[4:], uint32(root))

	// What is signed is not the database, but its digest behind what it is and whose.
	header := append([]byte{0, signedSHA512}, key.id[:]...)
	digest := sha512.Sum512(d.text)
	signed := append(binary.LittleEndian.AppendUint32(nil, schema), header...)
	digest = sha512.Sum512(append(signed, digest[:]...))
	signature, err := key.sign(digest[:])
	if err != nil {
		return nil, err
	}

	file := binary.LittleEndian.AppendUint32([]byte("ADB."), schema)
	file = appendBlock(file, blockADB, d.text)
	return appendBlock(file, blockSignature, append(header, signature...)), nil
}

// appendBlock appends a block: its kind and size, its text, and zeros up to a multiple
// of eight bytes.
func appendBlock(file []byte, kind uint32, text []byte) []byte {
	size := len(text) + 4
	file = binary.LittleEndian.AppendUint32(file, kind<<30|uint32(size))
	file = append(file, text...)
	return append(file, make([]byte, (8-size%8)%8)...)
}
