package incidents

import (
	"context"

	"github.com/theriac-edge/theriac/incident"
)

// monthLayout is how the journal names its files.
const monthLayout = "2006-01"

// maxEntries is how many records wait for the disk: at most 16 MiB.
const maxEntries = 256

// entry is what the journal is to have.
type entry struct {
	data  []byte // a record
	again bool   // it was changed after it was closed: the ledger stays as it is
}

// write writes one to the journal, if there is one.
func (k *Keeper) write(_ context.Context, e entry) error {
	s := k.settings()
	if s.Journal == "" {
		return nil
	}
	rec, err := incident.Decode(e.data)
	if err != nil {
		return err
	}
	journal := incident.Journal{Dir: s.Journal}
	if e.again {
		return journal.Rewrite(rec)
	}
	return journal.Write(rec, s.Targets)
}
