package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/shop"
)

// setLevel sets the level of the edge's shop through its admin API, as operators
// do.
func (e *edge) setLevel(ctx context.Context, admin string) error {
	if e.level == shop.Calm {
		return nil
	}
	if err := tell(ctx, admin, "level", map[string]any{"shop": "loewen", "level": e.level}); err != nil {
		return fmt.Errorf("setting the level of %s: %w", e.side.name, err)
	}
	return nil
}

// ban bans all clients of the load in the same way.
func (e *edge) ban(ctx context.Context, admin string) error {
	if !e.banned {
		return nil
	}
	for _, client := range load.FloodAddrs(pageClients) {
		if err := tell(ctx, admin, "bans", map[string]any{"client": client, "for": "2h"}); err != nil {
			return fmt.Errorf("banning clients of %s: %w", e.side.name, err)
		}
	}
	return nil
}

// tell posts an order to an edge's admin API.
func tell(ctx context.Context, admin, path string, what any) error {
	order, err := json.Marshal(what)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/shield/"+path, bytes.NewReader(order))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := load.Direct.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("its admin answered %s: %s", resp.Status, body)
	}
	return nil
}
