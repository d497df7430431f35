package webpage

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A gzip stream that is put together without compressing: the static parts were
// deflated once, and values go between them as stored blocks (RFC 1951, section
// 3.2.4).
const (
	// No name, no time, best compression, no system; RFC 1952, section 2.3.
	gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"

	// A sync flush ends with an empty stored block. These four bytes, its length
	// and the one's complement of that, are cut off: the length of the value goes
	// in their place.
	emptyLength = "\x00\x00\xff\xff"
)

// AppendGzip appends what Append does, as one gzip member.
func (p Page) AppendGzip(dst []byte, values ...string) []byte {
	dst = append(dst, gzipHeader...)
	var sum, size uint32
	for i := range p {
		dst = append(dst, p[i].deflated...)
		sum = crc32.Update(sum, crc32.IEEETable, p[i].static)
		size += uint32(len(p[i].static))
		if p[i].slot == noSlot {
			break
		}
		dst = append(dst, emptyLength...)
		from := len(dst)
		dst = appendEscaped(dst, values[p[i].slot])
		stored := dst[from:]
		binary.LittleEndian.PutUint16(dst[from-4:], uint16(len(stored)))
		binary.LittleEndian.PutUint16(dst[from-2:], ^uint16(len(stored)))
		sum = crc32.Update(sum, crc32.IEEETable, stored)
		size += uint32(len(stored))
	}
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return binary.LittleEndian.AppendUint32(dst, size)
}

// deflate compresses one part of a page by itself: values of any length come
// before the next part, so no match in it may point back beyond its beginning.
// All but the last part end in the opened header of a stored block.
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
		panic(fmt.Sprintf("webpage: deflating a page: %v", err)) // a Buffer takes everything
	}
	if last {
		return out.Bytes()
	}
	return bytes.TrimSuffix(out.Bytes(), []byte(emptyLength))
}
