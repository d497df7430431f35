//go:build ignore

/* scrub: each packet to a protected address is counted under one reason, and is
 * passed, forwarded, answered or dropped because of it.
 *
 * It runs before the host's own stack, on every interface that leads to the
 * internet. It passes what it does not know: a destination that is not protected,
 * a map that is empty. It keeps no state for a source that has not proven to
 * receive what is sent to its address. */
#include "datagram.h"
#include "destination.h"
#include "handon.h"
#include "listed.h"

char __license[] SEC("license") = "GPL";

/* flags_are_sane reports whether a stack sends these flags together: SYN, SYN+ACK,
 * RST, RST+ACK, and ACK with any of FIN, PSH, URG (RFC 9293). */
static __always_inline bool flags_are_sane(__u8 flags)
{
	const __u64 sane = 1ULL << SYN | 1ULL << (SYN | ACK) | 1ULL << RST | 1ULL << (RST | ACK) | 1ULL << (RST | PSH | ACK) |
			   1ULL << ACK | 1ULL << (ACK | FIN) | 1ULL << (ACK | PSH) | 1ULL << (ACK | URG) |
			   1ULL << (ACK | FIN | PSH) | 1ULL << (ACK | FIN | URG) | 1ULL << (ACK | PSH | URG) |
			   1ULL << (ACK | FIN | PSH | URG);

	return sane >> flags & 1;
}

/* judge takes a packet through the stages, the cheapest first. */
static __always_inline enum reason judge(struct xdp_md *ctx, struct packet *p)
{
	struct judgement j = { .config = configured(), .packet = p };
	const struct policy *mine;
	enum reason why;

	if (!j.config)
		return REASON_UNPROTECTED;
	p->bank = j.config->bank;
	j.policy = policy_of(p->bank, POLICY_ALL);
	if (!j.policy)
		return REASON_UNPROTECTED;
	why = read_packet(ctx, p);
	if (why == REASON_MALFORMED)
		return enforce(&j, why) ? why : REASON_UNPROTECTED;
	if (why != REASON_CLEAN)
		return why;
	if (p->protocol == IPPROTO_GRE && unwrap(ctx, p, j.config) == REASON_MALFORMED)
		return REASON_MALFORMED;
	p->from_own_net = same(p->src, p->dst);
	if (p->from_own_net && enforce(&j, REASON_LAND))
		return REASON_LAND;
	if (p->protocol == IPPROTO_TCP && p->fragment != LATER_FRAGMENT && !flags_are_sane(p->flags) && enforce(&j, REASON_FLAGS))
		return REASON_FLAGS;

	p->policy = find_destination(j.config, p);
	mine = p->policy ? policy_of(p->bank, p->policy) : NULL;
	if (!mine) /* what comes from another edge gets no further than a protected address */
		return p->hops ? REASON_MALFORMED : REASON_UNPROTECTED;
	j.policy = mine;
	p->tunnel = mine->tunnel;
	if (mine->off)
		return REASON_OFF;
	j.now = clock(j.config);
	switch (list_status(&j, p)) {
	case IS_ALLOWED:
		return REASON_ALLOWED;
	case IS_DENIED:
		if (enforce(&j, REASON_DENIED))
			return REASON_DENIED;
	case NOT_LISTED:
		break;
	}
	if ((is_bogon(p) || (p->from_own_net && !is_neighbour(p))) && enforce(&j, REASON_BOGON))
		return REASON_BOGON;
	if (p->options && enforce(&j, REASON_OPTIONS))
		return REASON_OPTIONS;
	if (!fragment_allowed(&j, p))
		return REASON_FRAGMENT;
	if (from_reflector(p) && enforce(&j, REASON_UDP_REFLECTION))
		return REASON_UDP_REFLECTION;
	if (p->protocol == IPPROTO_TCP && p->fragment != LATER_FRAGMENT) {
		why = judge_tcp(ctx, p, j.config, mine);
		if (why == REASON_CLEAN && j.config->ring.until > j.now)
			return judge_stray(ctx, p, j.config, mine);
		return why;
	}
	return judge_datagram(ctx, p, j.config, mine);
}

/* emit_sample shows a packet to user space. */
static __always_inline void emit_sample(struct xdp_md *ctx, const struct packet *p, enum reason why)
{
	struct sample *s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);

	if (!s)
		return;
	s->time = bpf_ktime_get_ns();
	s->policy = p->policy;
	s->ifindex = ctx->ingress_ifindex;
	s->reason = why;
	s->watched = p->watched;
	s->v6 = p->v6;
	s->protocol = p->protocol;
	s->flags = p->flags;
	s->icmp_type = p->icmp_type;
	s->length = p->length;
	s->sport = p->sport;
	s->dport = p->dport;
	__builtin_memcpy(s->src, p->src, sizeof(s->src));
	__builtin_memcpy(s->dst, p->dst, sizeof(s->dst));
	bpf_ringbuf_submit(s, 0);
}

static __always_inline struct tally *tally_of(const struct packet *p, __u32 why)
{
	__u32 i = p->policy * REASON_COUNT + why;

	return bpf_map_lookup_elem(&tallies, &i);
}

/* count is the only place where packets are counted. */
static __always_inline void count(struct xdp_md *ctx, const struct packet *p, enum reason why)
{
	const struct config *c = configured();
	struct tally *t;

	if (!c)
		return;
	t = tally_of(p, why);
	if (t) {
		t->bytes += p->frame;
		if (!(t->packets++ & c->sample_mask))
			emit_sample(ctx, p, why);
	}
	t = p->watched ? tally_of(p, p->watched) : NULL;
	if (t)
		t->watched++;
}

static __always_inline int action_of(enum reason why, const struct packet *p)
{
	if (why <= REASON_CLEAN)
		return XDP_PASS;
	if (why == REASON_FORWARDED || why == REASON_HANDED_ON)
		return bpf_redirect(p->to, 0);
	return why <= REASON_TOO_BIG ? XDP_TX : XDP_DROP;
}

SEC("xdp")
int scrub(struct xdp_md *ctx)
{
	struct packet p = {};
	enum reason why = judge(ctx, &p);

	if (REASON_UNPROTECTED < why && why <= REASON_CLEAN && p.tunnel)
		why = forward(ctx, &p);
	else if (why == REASON_HANDED_ON)
		why = hand_on(ctx, &p);
	count(ctx, &p, why);
	return action_of(why, &p);
}

/* compare_clocks is run by user space, to find out how long a tick is. */
SEC("xdp")
int compare_clocks(struct xdp_md *ctx)
{
	__u32 first = 0;
	struct times *t = bpf_map_lookup_elem(&both_clocks, &first);

	if (t) {
		t->ticks = bpf_jiffies64();
		t->ns = bpf_ktime_get_ns();
	}
	return XDP_PASS;
}
