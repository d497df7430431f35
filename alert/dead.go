package alert

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// maxDead is the most bytes of the file of dead letters, before it is renamed.
const maxDead = 4 << 20

// deadLetters writes what no receiver took. Its zero value, without a file, writes nothing.
type deadLetters struct {
	mu   sync.Mutex
	file string
	most int64
}

// A deadLetter is one line of the file.
type deadLetter struct {
	At       time.Time `json:"at"`
	Receiver string    `json:"receiver"`
	Why      string    `json:"why"`
	Alerts   []record  `json:"alerts"`
}

// write appends one line. The file before is kept once, so both have at most twice the bound.
func (d *deadLetters) write(letter deadLetter) error {
	if d.file == "" {
		return nil
	}
	text, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	text = append(text, '\n')
	d.mu.Lock()
	defer d.mu.Unlock()
	if info, err := os.Lstat(d.file); err == nil && info.Size()+int64(len(text)) > d.most {
		if err := os.Rename(d.file, d.file+".old"); err != nil {
			return fmt.Errorf("renaming the file of dead letters: %w", err)
		}
	}
	f, err := os.OpenFile(d.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close()
		return fmt.Errorf("writing dead letters: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	return nil
}
