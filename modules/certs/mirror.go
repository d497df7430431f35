package certs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/counters"
)

// mirrors are the open copies, by directory. They outlive reloads.
var mirrors = caddy.NewUsagePool()

// mirror is an edge's copy of all files: a sealed file each, and in memory what they are. No
// write is waited for until it is on the disk: one that was cut off cannot be opened, and is
// fetched again.
type mirror struct {
	dir     string
	foreign int // files that could not be opened

	joining sync.RWMutex // held for reading by each call of the store, see Storage.join

	mu    sync.Mutex
	known map[string]copied
	store string // the name of the store that this is a copy of
}

// copied is what is known of a file.
type copied struct {
	modified time.Time
	size     int
	sum      [sha256.Size]byte
	current  bool // sealed by the first key
}

// storeFile has the name of the store.
const storeFile = "store"

const maxSealed = 128 << 10 // of a file of the copy

func openMirror(dir string, s *sealer) (*mirror, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m := &mirror{dir: dir, known: map[string]copied{}}
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		if filepath.Ext(entry.Name()) == ".tmp" {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // of an edge that was killed
			continue
		}
		file, current, err := m.read(entry.Name(), s)
		switch {
		case err != nil:
			m.foreign++
		case entry.Name() == storeFile:
			m.store = string(file.Value)
		default:
			m.known[file.Path] = describe(file, current)
		}
	}
	return m, nil
}

// Destruct has nothing to close.
func (*mirror) Destruct() error { return nil }

func describe(file counters.File, current bool) copied {
	return copied{file.Modified, len(file.Value), sha256.Sum256(file.Value), current}
}

// nameOf is the name of a file of the copy. It tells nothing of the path.
func nameOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:16])
}

// read opens a file of the copy: 8 bytes with its time, 2 with the length of its path, path,
// value. It is sealed under its own name.
func (m *mirror) read(name string, s *sealer) (file counters.File, current bool, err error) {
	info, err := os.Stat(filepath.Join(m.dir, name))
	if err != nil {
		return file, false, err
	}
	if info.Size() > maxSealed || !info.Mode().IsRegular() {
		return file, false, errChanged
	}
	sealed, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		return file, false, err
	}
	text, current, err := s.open(name, sealed)
	if err != nil {
		return file, false, err
	}
	if file, err = parse(text); err == nil && name != storeFile && nameOf(file.Path) != name {
		err = errChanged
	}
	return file, current, err
}

func parse(text []byte) (file counters.File, err error) {
	if len(text) < 10 || len(text) < 10+int(binary.BigEndian.Uint16(text[8:])) {
		return file, errChanged
	}
	end := 10 + int(binary.BigEndian.Uint16(text[8:]))
	return counters.File{
		Modified: time.UnixMilli(int64(binary.BigEndian.Uint64(text))),
		Path:     string(text[10:end]), Value: text[end:],
	}, nil
}

func (m *mirror) write(name string, file counters.File, s *sealer) error {
	text := binary.BigEndian.AppendUint64(nil, uint64(file.Modified.UnixMilli()))
	text = binary.BigEndian.AppendUint16(text, uint16(len(file.Path)))
	text = append(append(text, file.Path...), file.Value...)
	temp, err := os.CreateTemp(m.dir, "*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(s.seal(name, text))
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(m.dir, name))
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// put copies a file, unless the copy has it already.
func (m *mirror) put(file counters.File, s *sealer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := describe(file, true)
	if was, ok := m.known[file.Path]; ok && was.current && was.sum == is.sum {
		m.known[file.Path] = is
		return nil
	}
	if err := m.write(nameOf(file.Path), file, s); err != nil {
		return fmt.Errorf("copying %.200q: %w", file.Path, err)
	}
	m.known[file.Path] = is
	return nil
}

// get returns a file of the copy, or fs.ErrNotExist.
func (m *mirror) get(path string, s *sealer) (counters.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[path]; !ok {
		return counters.File{}, fs.ErrNotExist
	}
	file, _, err := m.read(nameOf(path), s)
	return file, err
}

// remove deletes a file of the copy, and all in the folder of that name.
func (m *mirror) remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []error
	for one := range m.known {
		if one != path && !strings.HasPrefix(one, path+"/") {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, nameOf(one))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
			continue
		}
		delete(m.known, one)
	}
	return errors.Join(all...)
}

// list returns the paths in a folder and below, in order.
func (m *mirror) list(folder string) (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.known {
		if folder == "" || strings.HasPrefix(path, folder+"/") {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return all
}

func (m *mirror) stat(path string) (copied, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	is, ok := m.known[path]
	return is, ok
}

// isOf reports whether this is a copy of the store of that name.
func (m *mirror) isOf(store string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store == store
}

func (m *mirror) setStore(name string, s *sealer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = name
	return m.write(storeFile, counters.File{Value: bytes.Clone([]byte(name))}, s)
}
