/* Verified sources: those that have proven to receive what is sent to their
 * address. They have budgets of their own; a full set forgets the source that has
 * been quiet for the longest time. */
#pragma once

#include "budget.h"

/* A source and its token bucket. */
struct verified {
	__u64 source; /* 0: free */
	struct bucket bucket;
};

/* A cache of eight ways: a keyed hash of the source selects the set. Eight more
 * bits of the hash are the tag of a way. The tags are an array of their own, which
 * stays in a CPU's cache: during a flood nearly no source is verified, and its tag
 * says so without a look at the set. */
#define VERIFIED_WAYS 8
#define VERIFIED_SETS 32768
struct verified_set {
	struct verified way[VERIFIED_WAYS];
};
struct tags {
	__u8 way[VERIFIED_WAYS];
};

ARRAY(verified, struct verified_set, VERIFIED_SETS, ARRAY);
ARRAY(verified_tags, struct tags, VERIFIED_SETS, ARRAY);

/* has_byte reports whether one of the bytes of a word is b (Mycroft 1987). */
static __always_inline bool has_byte(__u64 word, __u8 b)
{
	word ^= b * 0x0101010101010101ULL;
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* find_verified returns the state of a verified source, or NULL. */
static __always_inline struct verified *find_verified(const struct judgement *j, const struct packet *p)
{
	__u64 hash = keyed_hash(j->config, p->source);
	__u32 i = hash % VERIFIED_SETS;
	__u8 tag = hash >> 56;
	struct tags *tags = bpf_map_lookup_elem(&verified_tags, &i);
	struct verified_set *set;

	if (!tags || !p->source || !has_byte(*(__u64 *)tags->way, tag))
		return NULL;
	set = bpf_map_lookup_elem(&verified, &i);
	for (int k = 0; set && k < VERIFIED_WAYS; k++)
		if (set->way[k].source == p->source)
			return &set->way[k];
	return NULL;
}

/* least_recent is the way of a set that is free, or whose source has sent nothing
 * for the longest time. */
static __always_inline __u32 least_recent(const struct verified_set *set, __u32 tick)
{
	__u32 longest = 0, found = 0;

	for (int k = 0; k < VERIFIED_WAYS; k++) {
		const struct verified *other = &set->way[k];
		__u32 quiet = other->source ? tick + TICKS_AHEAD - other->bucket.tick : ~0U;

		if (quiet > longest) {
			longest = quiet;
			found = k;
		}
	}
	return found;
}

/* mark_verified remembers that a source receives what is sent to it. Nothing else
 * creates state per source. */
static __always_inline void mark_verified(const struct judgement *j, const struct packet *p)
{
	__u64 hash = keyed_hash(j->config, p->source);
	__u32 i = hash % VERIFIED_SETS, tick = j->now >> TICK_SHIFT, k;
	struct tags *tags = bpf_map_lookup_elem(&verified_tags, &i);
	struct verified_set *set = bpf_map_lookup_elem(&verified, &i);

	if (!tags || !set || find_verified(j, p))
		return;
	k = least_recent(set, tick) % VERIFIED_WAYS;
	set->way[k] = (struct verified){ p->source, { .level = ~0U, .tick = tick } };
	tags->way[k] = hash >> 56;
}
