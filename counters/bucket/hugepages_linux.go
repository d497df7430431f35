package bucket

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages asks for huge pages, of 2 MiB. Keys are spread over the whole table, so
// with small pages nearly every look-up waits for the translation of its
// address: some 6 % of a decision. A kernel that refuses leaves the table as it
// is.
func hugePages(sets []set) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(sets))), uintptr(len(sets))*unsafe.Sizeof(set{}))
	page := uintptr(unix.Getpagesize())
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(bytes))) % page
	if whole := (uintptr(len(bytes)) - min(skip, uintptr(len(bytes)))) / page * page; whole > 0 {
		_ = unix.Madvise(bytes[skip:skip+whole], unix.MADV_HUGEPAGE)
	}
}
