/* Listed sources: the allow list and the deny list, two families each.
 *
 * A list is a hash table of prefixes with a table of the lengths that occur in
 * it: an LPM look-up masks the source with each length, the longest first, and
 * asks the hash table for each. That costs a fifth of a trie of 100,000 prefixes,
 * and nearly no packet needs it, since bitmaps filter the sources first:
 *
 *   source 203.0.113.7            bit = its /24 (IPv4), or a hash of its /48 (IPv6)
 *        |
 *        v        bit / 16
 *   [summary]     2^20 bits       one per 16 of the next: 128 KB, stays in the cache
 *        | 1          bit         under random sources        0 -> NOT_LISTED
 *        v
 *   [coarse]      2^24 bits       any prefix here              0 -> NOT_LISTED
 *        | 1          bit
 *        v
 *   [narrow]      2^24 bits       any prefix longer than /24 or /48 here;
 *        |                        0 -> shorter lengths only
 *        v
 *   list_lengths: /32 /26 /24 ... -> mask -> allow4, then deny4 (hash) -> entry
 *
 * An array of each family has all three: coarse bits first, then summary, then
 * narrow. A prefix that spans several /24s sets all their bits; an IPv6 prefix
 * wider than a /48 has none, and config.wide6 says that there is one. User space
 * keeps the counts that clear a bit (bitmaps.go, table.go). */
#pragma once

#include "budget.h"

/* An entry of a list. */
struct listed {
	__u64 until;   /* as clock() shows it; 0: for good */
	__u64 packets; /* that matched */
	__u32 cause;   /* number of the owner's own */
	__u32 owner;
};

/* The prefix lengths of a list, the longest first, each with its mask. */
#define MAX_LENGTHS 129
struct length {
	__u32 bits;
	__u32 mask[4];
};
struct lengths {
	__u32 count;
	struct length of[MAX_LENGTHS];
};

enum list { LIST_ALLOW4, LIST_ALLOW6, LIST_DENY4, LIST_DENY6, LIST_COUNT };

#define LISTED_BITS (1 << 24)
#define LISTED_PER_SUMMARY 16
#define LISTED_SUMMARY LISTED_BITS
#define LISTED_NARROW (LISTED_SUMMARY + LISTED_BITS / LISTED_PER_SUMMARY)
#define LISTED_WORDS ((LISTED_NARROW + LISTED_BITS) / 64)
ARRAY(listed4, __u64, LISTED_WORDS, ARRAY);
ARRAY(listed6, __u64, LISTED_WORDS, ARRAY);

ARRAY(list_lengths, struct lengths, LIST_COUNT, ARRAY);
TABLE(allow4, struct key4, struct listed, 2048, HASH, 0);
TABLE(allow6, struct key6, struct listed, 2048, HASH, 0);
TABLE(deny4, struct key4, struct listed, 131072, HASH, 0);
TABLE(deny6, struct key6, struct listed, 131072, HASH, 0);

/* A reference that keeps the type in the BTF, from which Go reads it. */
const enum list *list_kinds __attribute__((unused));

enum list_status { NOT_LISTED, IS_ALLOWED, IS_DENIED };

static __always_inline bool expired(const struct listed *l, __u64 now) { return l->until && l->until <= now; }

/* matches reports whether an entry is in force, and counts the packet. */
static __always_inline bool matches(struct listed *l, __u64 now)
{
	if (!l || expired(l, now))
		return false;
	__sync_fetch_and_add(&l->packets, 1);
	return true;
}

/* lookup4 reports whether a list has an entry in force for the source: longest
 * prefix match (LPM), of which the longest match counts the packet. Without
 * narrow, lengths beyond /24 are skipped. */
static __always_inline bool lookup4(void *list, enum list which, const struct packet *p, __u64 now, bool narrow)
{
	struct lengths *all = bpf_map_lookup_elem(&list_lengths, &which);

	for (int i = 0; all && i < 33 && i < all->count; i++) {
		struct key4 key = { .bits = all->of[i].bits, .addr = p->src[0] & all->of[i].mask[0] };

		if (key.bits > 24 && !narrow)
			continue;
		if (matches(bpf_map_lookup_elem(list, &key), now))
			return true;
	}
	return false;
}

static __always_inline bool lookup6(void *list, enum list which, const struct packet *p, __u64 now, bool narrow)
{
	struct lengths *all = bpf_map_lookup_elem(&list_lengths, &which);

	for (int i = 0; all && i < MAX_LENGTHS && i < all->count; i++) {
		struct key6 key = { .bits = all->of[i].bits };

		if (key.bits > 48 && !narrow)
			continue;
		for (int k = 0; k < 4; k++)
			key.addr[k] = p->src[k] & all->of[i].mask[k];
		if (matches(bpf_map_lookup_elem(list, &key), now))
			return true;
	}
	return false;
}

/* maybe_listed asks the bitmaps whether the hash tables must be searched. */
static __always_inline bool maybe_listed(void *bits, __u32 bit)
{
	return is_set(bits, LISTED_SUMMARY + bit / LISTED_PER_SUMMARY) && is_set(bits, bit);
}

/* bit6 is the bit of a /48 in listed6: a multiplicative hash of it. bitmaps.go
 * computes the same. */
static __always_inline __u32 bit6(const __u32 *addr)
{
	__u64 net = (__u64)bpf_ntohl(addr[0]) << 16 | bpf_ntohl(addr[1]) >> 16;

	return net * 0x9e3779b97f4a7c15ULL >> 40;
}

/* search_lists asks the hash tables. An allowed source is allowed even if it is
 * denied. */
STAGE int search_lists(struct packet *p, __u64 now, bool narrow)
{
	if (!p)
		return NOT_LISTED;
	if (p->v6 ? lookup6(&allow6, LIST_ALLOW6, p, now, narrow) : lookup4(&allow4, LIST_ALLOW4, p, now, narrow))
		return IS_ALLOWED;
	if (p->v6 ? lookup6(&deny6, LIST_DENY6, p, now, narrow) : lookup4(&deny4, LIST_DENY4, p, now, narrow))
		return IS_DENIED;
	return NOT_LISTED;
}

/* list_status is what the lists say of the source: two reads of a bitmap for
 * nearly every packet. */
static __always_inline enum list_status list_status(const struct judgement *j, struct packet *p)
{
	__u32 bit = p->v6 ? bit6(p->src) : bpf_ntohl(p->src[0]) >> 8;

	if (p->v6) {
		if (!j->config->wide6 && !maybe_listed(&listed6, bit))
			return NOT_LISTED;
		return search_lists(p, j->now, is_set(&listed6, LISTED_NARROW + bit));
	}
	if (!maybe_listed(&listed4, bit))
		return NOT_LISTED;
	return search_lists(p, j->now, is_set(&listed4, LISTED_NARROW + bit));
}
