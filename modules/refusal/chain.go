package refusal

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
)

// verdict is whether a server's error routes have anything to say besides this handler.
type verdict struct {
	server *caddyhttp.Server
	alone  bool
}

// serveChain answers refusals of the stages that follow in the chain, which is cheaper than
// Caddy's error routes are: they prepare a line of the log whether it is written or not. If
// the operator has error routes, those come first.
func (h *Handler) serveChain(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	err := next.ServeHTTP(w, r)
	var refused *chain.Refusal
	var handled caddyhttp.HandlerError
	if err == nil || !errors.As(err, &refused) || !errors.As(err, &handled) {
		return err
	}
	v := chain.VisitOf(r)
	if v == nil || !h.isAlone(r) {
		return err
	}
	return h.answer(w, r, v, refused, handled.StatusCode)
}

// isAlone reports whether no error route of the server could answer before this handler.
func (h *Handler) isAlone(r *http.Request) bool {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil {
		return false
	}
	known := h.verdict.Load()
	if known == nil || known.server != server {
		known = &verdict{server, server.Errors == nil || areOurs(server.Errors.Routes)}
		h.verdict.Store(known)
	}
	return known.alone
}

// areOurs reports whether routes lead to this handler only.
func areOurs(routes caddyhttp.RouteList) bool {
	for _, route := range routes {
		for _, handler := range route.Handlers {
			switch handler := handler.(type) {
			case *Handler:
			case *caddyhttp.Subroute:
				if !areOurs(handler.Routes) || handler.Errors != nil {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}
