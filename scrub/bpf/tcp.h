/* TCP: floods of SYNs are answered here, what belongs to no connection ends
 * here, and who has proven an address has a budget of its own. */
#pragma once

#include "syn.h"

enum connection { NO_CONNECTION, LISTENS, BEGINS, IS_OPEN };

/* find_connection asks the host's own stack. */
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
		found = LISTENS;
		break;
	case BPF_TCP_SYN_SENT:
	case BPF_TCP_SYN_RECV:
	case BPF_TCP_NEW_SYN_RECV:
		found = BEGINS; /* anybody may have sent the SYN, or send an answer */
		break;
	default:
		found = IS_OPEN;
	}
	bpf_sk_release(sk);
	return found;
}

/* keeps_cookie says whether an ACK brings back a cookie of this host. */
STAGE int keeps_cookie(struct xdp_md *ctx, struct packet *p)
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

/* due lets one SYN a second through to each listener: a stack believes cookies
 * for two minutes after it has sent one itself. */
static __always_inline bool due(const struct judgement *j, const struct packet *p)
{
	__u32 cell = mix(j->config, destination_of(p, false) + p->dport) % 1024, second = j->now >> 30;
	__u32 *last = bpf_map_lookup_elem(&probes, &cell);

	if (!last || *last == second)
		return false;
	*last = second;
	return true;
}

/* judge_proven judges a source that has proven its address. */
static __always_inline enum reason judge_proven(struct judgement *j, struct proven *known)
{
	const struct rate *r = &j->policy->budgets[BUDGET_VERIFIED_SOURCE];

	if (!r->per_tick)
		known->bucket.tick = j->now >> TICK_SHIFT; /* as spend does: it is not quiet */
	if (!r->per_tick || spend(&known->bucket, r, j->now) || !refuse(j, REASON_RATE_VERIFIED))
		return REASON_CLEAN;
	return REASON_RATE_VERIFIED;
}

static __always_inline enum reason judge_syn(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	bool alone = within(j, p, BUDGET_SYN), together = within(j, p, BUDGET_SYN_NET);
	struct proven *known;

	if (p->rest > p->header && refuse(j, REASON_SYN_DATA))
		return REASON_SYN_DATA;
	if (alone && together)
		return REASON_CLEAN;
	if (j->policy->tunnel) {
		known = find_proven(j, p);
		if (known)
			return judge_proven(j, known);
		if (!refuse(j, REASON_SYN_AUTH))
			return REASON_CLEAN;
		return answer_auth(ctx, j->packet) ? REASON_SYN_AUTH : REASON_RATE_DST;
	}
	if (!refuse(j, REASON_SYN_COOKIE))
		return REASON_CLEAN;
	if (due(j, p))
		return REASON_SYNCOOKIE_REFRESH;
	return answer_cookie(ctx, j->packet) ? REASON_SYN_COOKIE : REASON_RATE_DST;
}

/* looked_at chooses one packet of 256, and nobody outside knows which. */
static __always_inline bool looked_at(const struct judgement *j, const struct packet *p)
{
	return !(mix(j->config, (__u64)p->seq << 32 ^ p->ack ^ p->source) & 255);
}

/* judge_here judges what is no SYN and meant for this host. Below the budget
 * few packets are looked at, just so that busy sources are proven in time. */
static __always_inline enum reason judge_here(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	bool calm = within(j, p, BUDGET_OUT_OF_STATE);
	enum reason why = REASON_OUT_OF_STATE;

	if (p->flags & SYN)
		why = REASON_SYN_ACK_REFLECTION;
	else if (calm && !looked_at(j, p))
		return REASON_CLEAN;
	switch (find_connection(ctx, j->packet)) {
	case IS_OPEN:
		prove(j, p);
		return REASON_CLEAN;
	case BEGINS:
		return REASON_CLEAN;
	case LISTENS:
		if (why == REASON_SYN_ACK_REFLECTION)
			break;
		why = REASON_BAD_COOKIE;
		if (keeps_cookie(ctx, j->packet)) {
			prove(j, p);
			return REASON_CLEAN;
		}
	case NO_CONNECTION:
		break;
	}
	if (calm && why != REASON_SYN_ACK_REFLECTION)
		return REASON_CLEAN;
	return refuse(j, why) ? why : REASON_CLEAN;
}

/* judge_there judges the same for the data centre, whose answers take another
 * way: nothing is known of its connections. */
static __always_inline enum reason judge_there(struct judgement *j, const struct packet *p)
{
	if (p->flags & RST && proves(j->packet)) {
		prove(j, p);
		return REASON_SYN_AUTH_RST;
	}
	if (p->flags & SYN && !j->policy->outbound && refuse(j, REASON_SYN_ACK_REFLECTION))
		return REASON_SYN_ACK_REFLECTION;
	if (within(j, p, BUDGET_OUT_OF_STATE))
		return REASON_CLEAN;
	return refuse(j, REASON_OUT_OF_STATE) ? REASON_OUT_OF_STATE : REASON_CLEAN;
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
	struct proven *known;
	bool answer;

	if (!resume(j, p, c, mine))
		return REASON_UNPROTECTED;
	answer = (p->flags & (SYN | ACK)) == (SYN | ACK);
	if (!(answer && j->policy->outbound) && !serves(j->policy->tcp, j->policy->tcp_count, p->dport) &&
	    refuse(j, answer ? REASON_SYN_ACK_REFLECTION : REASON_PORT))
		return answer ? REASON_SYN_ACK_REFLECTION : REASON_PORT;
	if ((p->flags & (SYN | ACK)) == SYN)
		return judge_syn(ctx, j, p);
	known = find_proven(j, p);
	if (!known || answer)
		return j->policy->tunnel ? judge_there(j, p) : judge_here(ctx, j, p);
	return judge_proven(j, known);
}
