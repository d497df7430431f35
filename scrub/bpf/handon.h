/* Hand-on: while a window is open, a segment of no connection here goes to the next
 * edge behind the same addresses, which may have it. Routers choose an edge by a hash
 * of the flow, and other edges than before when one leaves or returns. */
#pragma once

#include "route.h"
#include "tcp.h"

/* The GRE key: how often the segment was handed on, in the last bits. The others tell
 * it from a tunnel that two edges have for something else. */
#define HOPS_KEY 0x68616e00
#define HOPS_MASK 7

ARRAY(handed_on, struct bucket, 1, PERCPU_ARRAY);

struct wrapped {
	struct iphdr ip;
	struct gre gre;
	__be32 key;
};

/* unwrap removes the outer headers of a segment that another edge has handed on. It
 * returns REASON_CLEAN if p is that segment now, REASON_UNPROTECTED if the packet is
 * something else and has not changed, or REASON_MALFORMED. */
STAGE int unwrap(struct xdp_md *ctx, struct packet *p, const struct config *c)
{
	bool from_peer = false;
	struct wrapped w;
	__u32 hops;

	if (!p || !c || p->v6 || p->options || p->fragment || p->dst[0] != c->ring.self || p->rest <= sizeof(w) - sizeof(w.ip))
		return REASON_UNPROTECTED;
	for (int i = 0; i < MAX_RING; i++)
		from_peer |= c->ring.peers[i] == p->src[0];
	if (!from_peer || bpf_xdp_load_bytes(ctx, p->l3, &w, sizeof(w)))
		return REASON_UNPROTECTED;
	hops = bpf_ntohl(w.key) & HOPS_MASK;
	if (w.gre.flags != bpf_htons(GRE_HAS_KEY) || bpf_ntohl(w.key) != (HOPS_KEY | hops) || !hops)
		return REASON_UNPROTECTED;
	if (w.gre.protocol != bpf_htons(ETH_P_IP) && w.gre.protocol != bpf_htons(ETH_P_IPV6))
		return REASON_MALFORMED;
	if (!remove_outer(ctx, p->l3, sizeof(w), w.gre.protocol))
		return REASON_MALFORMED;
	*p = (struct packet){ .bank = p->bank, .hops = hops };
	if (read_packet(ctx, p) != REASON_CLEAN || p->protocol != IPPROTO_TCP || p->fragment)
		return REASON_MALFORMED;
	return REASON_CLEAN;
}

/* is_stray reports whether a segment is of no connection of this host. The listener
 * has those that complete a handshake by a cookie. */
static __always_inline bool is_stray(struct xdp_md *ctx, struct packet *p)
{
	switch (find_connection(ctx, p)) {
	case NO_CONNECTION:
		return true;
	case LISTENING:
		return !has_valid_cookie(ctx, p);
	}
	return false;
}

/* judge_stray judges a clean segment while a window is open. What cannot be handed on
 * goes to the host's own stack, as it does without a window. */
STAGE int judge_stray(struct xdp_md *ctx, struct packet *p, const struct config *c, const struct policy *mine)
{
	struct judgement this, *j = &this;
	struct bucket *b;
	__u32 first = 0;

	if (!resume(j, p, c, mine) || mine->tunnel || p->flags & (SYN | RST) || p->fragment || !is_stray(ctx, p))
		return REASON_CLEAN;
	if (p->hops >= c->ring.hops)
		return REASON_UNCLAIMED;
	if (!enforce(j, REASON_HANDED_ON))
		return REASON_CLEAN;
	b = bpf_map_lookup_elem(&handed_on, &first);
	if (!b || over_source_budget(j, p) || !take_token(b, &c->ring.rate, j->now))
		return REASON_UNCLAIMED;
	return REASON_HANDED_ON;
}

/* hand_on sends a segment to the next edge. Without a route it goes to the host's own
 * stack. */
static __always_inline enum reason hand_on(struct xdp_md *ctx, struct packet *p)
{
	const struct config *c = configured();
	struct tunnel next;
	enum reason why;

	if (!c)
		return REASON_UNCLAIMED;
	next = (struct tunnel){ .from = c->ring.self, .to = c->ring.next };
	why = send_through(ctx, p, &next, HOPS_KEY | ((p->hops + 1) & HOPS_MASK));
	if (why == REASON_FORWARDED)
		return REASON_HANDED_ON;
	return why == REASON_TOO_BIG ? why : REASON_UNCLAIMED;
}
