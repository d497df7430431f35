/* Token buckets: budgets per destination, and of unverified sources. */
#pragma once

#include "judgement.h"

#define CELLS 16384
ARRAY(budgets, struct bucket, CELLS, PERCPU_ARRAY);
ARRAY(source_cells, struct bucket, CELLS, PERCPU_ARRAY);

/* take_token takes a token from a bucket, if there is one. Another CPU may have
 * read the clock later and been here earlier: then no time has passed. */
static __always_inline bool take_token(struct bucket *b, const struct rate *r, __u64 now)
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

/* destination_of folds a destination, or its /24 or /64, into a number. */
static __always_inline __u64 destination_of(const struct packet *p, bool net)
{
	if (!p->v6)
		return net ? p->dst[0] & bpf_htonl(0xffffff00) : p->dst[0];
	if (net)
		return (__u64)p->dst[0] << 32 | p->dst[1];
	return ((__u64)p->dst[0] << 32 | p->dst[1]) * 31 + ((__u64)p->dst[2] << 32 | p->dst[3]);
}

/* within_budget takes a token from a budget per destination, and reports whether
 * there was one. */
static __always_inline bool within_budget(struct judgement *j, const struct packet *p, enum budget kind)
{
	const struct rate *r = &j->policy->budgets[kind];
	bool net = kind == BUDGET_SYN_NET || kind == BUDGET_UNVERIFIED_NET || kind == BUDGET_ICMP_ERROR;
	struct bucket *b;
	__u32 cell;

	if (!r->per_tick)
		return true;
	cell = keyed_hash(j->config, destination_of(p, net) * BUDGET_COUNT + kind) % CELLS;
	b = bpf_map_lookup_elem(&budgets, &cell);
	return !b || take_token(b, r, j->now);
}

/* over_source_budget reports whether an unverified source sends too much. It keeps
 * no state per source: a source has two cells, which it shares with others, and is
 * over its budget only if both are empty (a sketch, such as count-min). */
static __always_inline bool over_source_budget(struct judgement *j, const struct packet *p)
{
	const struct rate *r = &j->policy->budgets[BUDGET_UNVERIFIED_SOURCE];
	__u64 hash = keyed_hash(j->config, p->source);
	__u32 one = hash % CELLS, two = (hash >> 32) % CELLS;
	struct bucket *a, *b;
	bool first, second;

	if (!r->per_tick)
		return false;
	a = bpf_map_lookup_elem(&source_cells, &one);
	b = bpf_map_lookup_elem(&source_cells, &two);
	if (!a || !b)
		return false;
	first = take_token(a, r, j->now);
	second = take_token(b, r, j->now);
	return !first && !second;
}
