package browser

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A gzip stream without compressing: what is the same for everybody was
// deflated once, and what differs goes between as a stored block.
const (
	// No name, no time, best compression, no system; RFC 1952, section 2.3.
	gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"

	// A sync flush ends with a stored block of nothing. These four bytes, its
	// length and the complement of that, are cut off: the length of the
	// visitor's bytes goes in their place.
	storedNothing = "\x00\x00\xff\xff"
)

// AppendGzip appends what Append does, as one gzip member.
func (p *Page) AppendGzip(dst []byte, v *Values) []byte {
	dst = append(dst, gzipHeader...)
	var sum, size uint32
	for _, part := range p.of(v) {
		dst = append(dst, part.deflated...)
		sum = crc32.Update(sum, crc32.IEEETable, part.static)
		size += uint32(len(part.static))
		if part.then == nothing {
			break
		}
		dst = append(dst, storedNothing...)
		from := len(dst)
		dst = v.append(dst, part.then)
		stored := dst[from:]
		binary.LittleEndian.PutUint16(dst[from-4:], uint16(len(stored)))
		binary.LittleEndian.PutUint16(dst[from-2:], ^uint16(len(stored)))
		sum = crc32.Update(sum, crc32.IEEETable, stored)
		size += uint32(len(stored))
	}
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return binary.LittleEndian.AppendUint32(dst, size)
}

// deflate compresses one piece of a page by itself: values of any length come
// before the next one, so nothing in it may point back beyond its beginning.
// All but the last one end in the opened header of a stored block.
func deflate(static []byte, last bool) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(static)
	}
	switch {
	case err == nil && last:
		err = w.Close()
	case err == nil:
		err = w.Flush()
	}
	if err != nil {
		panic(fmt.Sprintf("browser: deflating a page: %v", err)) // a Buffer takes everything
	}
	if last {
		return out.Bytes()
	}
	return bytes.TrimSuffix(out.Bytes(), []byte(storedNothing))
}
