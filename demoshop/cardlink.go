package demoshop

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

const (
	maxMessage = 64 << 10
	socketIdle = 15 * time.Minute // then the session is over
)

// cardMessage is a message of a CardLink client: one step of handing over an
// e-prescription with the insurance card held to a telephone.
type cardMessage struct {
	Type          string          `json:"type"`
	CorrelationID string          `json:"correlationId,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`
}

// cardReply is the message again, numbered within its session from 1, so that
// a test sees each one lost, doubled or out of order.
type cardReply struct {
	Seq int64 `json:"seq"`
	cardMessage
	Error string `json:"error,omitempty"`
}

// cardlink serves one session. It takes no worker: sockets have a server of
// their own, with its own limit.
func (s *Shop) cardlink(w http.ResponseWriter, r *http.Request) {
	select {
	case s.sockets <- struct{}{}:
		defer func() { <-s.sockets }()
	default:
		s.tally.add(&s.tally.sockets.Refused, 1)
		w.Header().Set("Retry-After", "5")
		writeJSON(w, http.StatusServiceUnavailable, problem{"overloaded"})
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	s.tally.add(&s.tally.sockets.Sessions, 1)
	s.tally.add(&s.tally.sockets.Open, 1)
	defer s.tally.add(&s.tally.sockets.Open, -1)

	conn.SetReadLimit(maxMessage)
	for seq := int64(1); ; seq++ {
		if err := s.replyOnce(conn, seq); err != nil {
			conn.Close(websocket.StatusGoingAway, "")
			return
		}
	}
}

func (s *Shop) replyOnce(conn *websocket.Conn, seq int64) error {
	ctx, cancel := context.WithTimeout(s.closed, socketIdle)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	reply := parseCardMessage(data)
	reply.Seq = seq
	data, err = json.Marshal(reply)
	if err != nil {
		return err
	}
	s.tally.add(&s.tally.sockets.Messages, 1)
	return conn.Write(ctx, websocket.MessageText, data)
}

func parseCardMessage(data []byte) cardReply {
	var m cardMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return cardReply{Error: "not a JSON message"}
	}
	if m.Type == "" {
		return cardReply{cardMessage: m, Error: "no type"}
	}
	return cardReply{cardMessage: m}
}
