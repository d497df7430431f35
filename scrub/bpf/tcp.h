/* TCP: SYN floods are answered, packets without a connection are dropped, and
 * verified sources have budgets of their own. */
#pragma once

#include "syn.h"
#include "verified.h"

enum connection { NO_CONNECTION, LISTENING, HALF_OPEN, ESTABLISHED };

/* find_connection looks the connection up in the host's own stack. */
STAGE int find_connection(struct xdp_md *ctx, struct packet *p)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = sizeof(tuple.ipv4);
	enum connection found = NO_CONNECTION;
	struct bpf_sock *sk;

	if (!p)
		return NO_CONNECTION;
	if (p->v6) {
		__builtin_memcpy(tuple.ipv6.saddr, p->src, sizeof(p->src));
		__builtin_memcpy(tuple.ipv6.daddr, p->dst, sizeof(p->dst));
		tuple.ipv6.sport = bpf_htons(p->sport);
		tuple.ipv6.dport = bpf_htons(p->dport);
		size = sizeof(tuple.ipv6);
	} else {
		tuple.ipv4.saddr = p->src[0];
		tuple.ipv4.daddr = p->dst[0];
		tuple.ipv4.sport = bpf_htons(p->sport);
		tuple.ipv4.dport = bpf_htons(p->dport);
	}
	sk = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return NO_CONNECTION;
	switch (sk->state) {
	case BPF_TCP_LISTEN:
		found = LISTENING;
		break;
	case BPF_TCP_SYN_SENT:
	case BPF_TCP_SYN_RECV:
	case BPF_TCP_NEW_SYN_RECV:
		found = HALF_OPEN; /* the source is not verified: anyone can send a SYN, or an answer */
		break;
	default:
		found = ESTABLISHED;
	}
	bpf_sk_release(sk);
	return found;
}

/* has_valid_cookie reports whether an ACK carries a SYN cookie of this host. */
STAGE int has_valid_cookie(struct xdp_md *ctx, struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *ip;
	struct tcphdr *t;

	if (!p)
		return false;
	ip = data + (p->l3 & 31);
	t = data + (p->l4 & 0x3ff);
	if (p->flags & RST || (void *)(t + 1) > end)
		return false;
	if (p->v6)
		return ip + sizeof(struct ipv6hdr) <= end && !bpf_tcp_raw_check_syncookie_ipv6(ip, t);
	return ip + sizeof(struct iphdr) <= end && !bpf_tcp_raw_check_syncookie_ipv4(ip, t);
}

ARRAY(refreshes, __u32, 1024, ARRAY); /* when a listener last got a SYN, by hash */

/* refresh_due lets one SYN per second through to each listener: a stack accepts
 * cookies only for two minutes after it has sent one itself. */
static __always_inline bool refresh_due(const struct judgement *j, const struct packet *p)
{
	__u32 cell = keyed_hash(j->config, destination_of(p, false) + p->dport) % 1024, second = j->now >> 30;
	__u32 *last = bpf_map_lookup_elem(&refreshes, &cell);

	if (!last || *last == second)
		return false;
	*last = second;
	return true;
}

/* judge_verified judges a packet of a verified source. */
static __always_inline enum reason judge_verified(struct judgement *j, struct verified *known)
{
	const struct rate *r = &j->policy->budgets[BUDGET_VERIFIED_SOURCE];

	if (!r->per_tick)
		known->bucket.tick = j->now >> TICK_SHIFT; /* as take_token does: the source is not quiet */
	if (!r->per_tick || take_token(&known->bucket, r, j->now) || !enforce(j, REASON_RATE_VERIFIED))
		return REASON_CLEAN;
	return REASON_RATE_VERIFIED;
}

static __always_inline enum reason judge_syn(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	bool alone = within_budget(j, p, BUDGET_SYN), together = within_budget(j, p, BUDGET_SYN_NET);
	struct verified *known;

	if (p->rest > p->header && enforce(j, REASON_SYN_DATA))
		return REASON_SYN_DATA;
	if (alone && together)
		return REASON_CLEAN;
	if (j->policy->tunnel) {
		known = find_verified(j, p);
		if (known)
			return judge_verified(j, known);
		if (!enforce(j, REASON_SYN_AUTH))
			return REASON_CLEAN;
		return answer_auth(ctx, j->packet) ? REASON_SYN_AUTH : REASON_RATE_DST;
	}
	if (!enforce(j, REASON_SYN_COOKIE))
		return REASON_CLEAN;
	if (refresh_due(j, p))
		return REASON_SYNCOOKIE_REFRESH;
	return answer_cookie(ctx, j->packet) ? REASON_SYN_COOKIE : REASON_RATE_DST;
}

/* spot_checked selects one packet of 256, by a secret. */
static __always_inline bool spot_checked(const struct judgement *j, const struct packet *p)
{
	return !(keyed_hash(j->config, (__u64)p->seq << 32 ^ p->ack ^ p->source) & 255);
}

/* judge_local judges packets to this host that are not SYNs. Below the budget only
 * few are checked, so that busy sources become verified in time. */
static __always_inline enum reason judge_local(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	bool calm = within_budget(j, p, BUDGET_OUT_OF_STATE);
	enum reason why = REASON_OUT_OF_STATE;

	if (p->flags & SYN)
		why = REASON_SYN_ACK_REFLECTION;
	else if (calm && !spot_checked(j, p))
		return REASON_CLEAN;
	switch (find_connection(ctx, j->packet)) {
	case ESTABLISHED:
		mark_verified(j, p);
		return REASON_CLEAN;
	case HALF_OPEN:
		return REASON_CLEAN;
	case LISTENING:
		if (why == REASON_SYN_ACK_REFLECTION)
			break;
		why = REASON_BAD_COOKIE;
		if (has_valid_cookie(ctx, j->packet)) {
			mark_verified(j, p);
			return REASON_CLEAN;
		}
	case NO_CONNECTION:
		break;
	}
	if (calm && why != REASON_SYN_ACK_REFLECTION)
		return REASON_CLEAN;
	return enforce(j, why) ? why : REASON_CLEAN;
}

/* judge_routed judges the same for the data centre, whose answers take another path:
 * its connections are not known here. */
static __always_inline enum reason judge_routed(struct judgement *j, const struct packet *p)
{
	if (p->flags & RST && is_auth_rst(j->packet)) {
		mark_verified(j, p);
		return REASON_SYN_AUTH_RST;
	}
	if (p->flags & SYN && !j->policy->outbound && enforce(j, REASON_SYN_ACK_REFLECTION))
		return REASON_SYN_ACK_REFLECTION;
	if (within_budget(j, p, BUDGET_OUT_OF_STATE))
		return REASON_CLEAN;
	return enforce(j, REASON_OUT_OF_STATE) ? REASON_OUT_OF_STATE : REASON_CLEAN;
}

static __always_inline bool serves(const struct ports *ranges, __u32 count, __u16 port)
{
	for (int i = 0; i < MAX_PORTS && i < count; i++)
		if (ranges[i].from <= port && port <= ranges[i].to)
			return true;
	return false;
}

STAGE int judge_tcp(struct xdp_md *ctx, struct packet *p, const struct config *c, const struct policy *mine)
{
	struct judgement this, *j = &this;
	struct verified *known;
	bool answer;

	if (!resume(j, p, c, mine))
		return REASON_UNPROTECTED;
	answer = (p->flags & (SYN | ACK)) == (SYN | ACK);
	if (!(answer && j->policy->outbound) && !serves(j->policy->tcp, j->policy->tcp_count, p->dport) &&
	    enforce(j, answer ? REASON_SYN_ACK_REFLECTION : REASON_PORT))
		return answer ? REASON_SYN_ACK_REFLECTION : REASON_PORT;
	if ((p->flags & (SYN | ACK)) == SYN)
		return judge_syn(ctx, j, p);
	known = find_verified(j, p);
	if (!known || answer)
		return j->policy->tunnel ? judge_routed(j, p) : judge_local(ctx, j, p);
	return judge_verified(j, known);
}
