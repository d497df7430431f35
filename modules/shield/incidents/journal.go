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

// disk is the journal of this edge.
func (k *Keeper) disk() incident.Journal { return incident.Journal{Dir: k.settings().Journal} }

// write writes one to the journal.
func (k *Keeper) write(_ context.Context, e entry) error {
	rec, err := incident.Decode(e.data)
	if err != nil {
		return err
	}
	if e.again {
		return k.disk().Rewrite(rec)
	}
	return k.disk().Write(rec, k.settings().Targets)
}
