/* What is known of a packet while it is judged. */
#pragma once

#include "parse.h"

struct judgement {
	const struct config *config;
	const struct policy *policy;
	struct packet *packet;
	__u64 now; /* as clock() has it */
};

/* clock counts ns by the kernel's ticks. It is some milliseconds coarse, and
 * costs nothing: the clocks that have a name cost as much as all else that is
 * done for a packet. */
static __always_inline __u64 clock(const struct config *c) { return bpf_jiffies64() * c->tick; }

/* resume makes a stage's own judgement of what its caller knows. The verifier
 * does not let a stage have the one of its caller. */
static __always_inline bool resume(struct judgement *j, struct packet *p, const struct config *c, const struct policy *mine)
{
	if (!p || !c || !mine)
		return false;
	j->packet = p;
	j->config = c;
	j->policy = mine;
	j->now = clock(c);
	return true;
}

/* refuse says whether the packet ends here for this reason. */
static __always_inline bool refuse(struct judgement *j, enum reason why)
{
	__u8 mode = j->policy->mode[why];

	if (mode == MODE_MONITOR && !j->packet->watched)
		j->packet->watched = why;
	return mode == MODE_MITIGATE;
}

/* mix spreads a number over 64 bits; without the secret nobody can choose
 * numbers that meet (the finish of MurmurHash3). */
static __always_inline __u64 mix(const struct config *c, __u64 n)
{
	n ^= c->key[0];
	n ^= n >> 33;
	n *= 0xff51afd7ed558ccdULL;
	n ^= n >> 33;
	n *= 0xc4ceb9fe1a85ec53ULL;
	return n ^ n >> 33;
}

/* spend takes a token out of a bucket, if there is one. Another CPU may have
 * read the clock later and come here sooner: nothing is due for that. */
static __always_inline bool spend(struct bucket *b, const struct rate *r, __u64 now)
{
	__u32 tick = now >> TICK_SHIFT, passed = tick - b->tick;
	__u64 level = b->level;

	if (passed <= -TICKS_AHEAD) {
		level += (__u64)passed * r->per_tick;
		b->tick = tick;
	}
	if (level > r->burst)
		level = r->burst;
	b->level = level;
	if (level < TOKEN)
		return false;
	b->level -= TOKEN;
	return true;
}

/* destination_of folds an address of ours, or its /24 or /64, into a number. */
static __always_inline __u64 destination_of(const struct packet *p, bool net)
{
	if (!p->v6)
		return net ? p->dst[0] & bpf_htonl(0xffffff00) : p->dst[0];
	if (net)
		return (__u64)p->dst[0] << 32 | p->dst[1];
	return ((__u64)p->dst[0] << 32 | p->dst[1]) * 31 + ((__u64)p->dst[2] << 32 | p->dst[3]);
}

/* within says whether a budget by destination still has something for this
 * packet, and takes it. */
static __always_inline bool within(struct judgement *j, const struct packet *p, enum budget kind)
{
	const struct rate *r = &j->policy->budgets[kind];
	bool net = kind == BUDGET_SYN_NET || kind == BUDGET_UNVERIFIED_NET || kind == BUDGET_ICMP_ERROR;
	struct bucket *b;
	__u32 cell;

	if (!r->per_tick)
		return true;
	cell = mix(j->config, destination_of(p, net) * BUDGET_COUNT + kind) % CELLS;
	b = bpf_map_lookup_elem(&budgets, &cell);
	return !b || spend(b, r, j->now);
}

/* crowded says whether an unproven source sends too much. It keeps nothing by
 * source: of two cells that it shares with others the fuller one speaks for
 * it. */
static __always_inline bool crowded(struct judgement *j, const struct packet *p)
{
	const struct rate *r = &j->policy->budgets[BUDGET_UNVERIFIED_SOURCE];
	__u64 hash = mix(j->config, p->source);
	__u32 one = hash % CELLS, two = (hash >> 32) % CELLS;
	struct bucket *a, *b;
	bool first, second;

	if (!r->per_tick)
		return false;
	a = bpf_map_lookup_elem(&crowd, &one);
	b = bpf_map_lookup_elem(&crowd, &two);
	if (!a || !b)
		return false;
	first = spend(a, r, j->now);
	second = spend(b, r, j->now);
	return !first && !second;
}
