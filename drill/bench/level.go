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
	order, err := json.Marshal(map[string]any{"shop": "loewen", "level": e.level})
	if err != nil {
		return fmt.Errorf("setting the level of %s: %w", e.side.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/shield/level", bytes.NewReader(order))
	if err != nil {
		return fmt.Errorf("setting the level of %s: %w", e.side.name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := load.Direct.Do(req)
	if err != nil {
		return fmt.Errorf("setting the level of %s: %w", e.side.name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("setting the level of %s: its admin answered %s: %s", e.side.name, resp.Status, body)
	}
	return nil
}
