/* Who sends: the lists of people and edges, and who has proven an address. */
#pragma once

#include "judge.h"

enum standing { NOT_LISTED, IS_ALLOWED, IS_DENIED };

static __always_inline bool ended(const struct listed *l, __u64 now) { return l->until && l->until <= now; }

/* met says whether an entry holds, and counts the packet. */
static __always_inline bool met(struct listed *l, __u64 now)
{
	if (!l || ended(l, now))
		return false;
	__sync_fetch_and_add(&l->packets, 1);
	return true;
}

/* holds4 says whether a list has an entry for the source that has not ended. The
 * narrowest one counts the packet. narrow: some may be narrower than a /24. */
static __always_inline bool holds4(void *list, enum list which, const struct packet *p, __u64 now, bool narrow)
{
	struct lengths *all = bpf_map_lookup_elem(&list_lengths, &which);

	for (int i = 0; all && i < 33 && i < all->count; i++) {
		struct key4 key = { .bits = all->of[i].bits, .addr = p->src[0] & all->of[i].mask[0] };

		if (key.bits > 24 && !narrow)
			continue;
		if (met(bpf_map_lookup_elem(list, &key), now))
			return true;
	}
	return false;
}

static __always_inline bool holds6(void *list, enum list which, const struct packet *p, __u64 now, bool narrow)
{
	struct lengths *all = bpf_map_lookup_elem(&list_lengths, &which);

	for (int i = 0; all && i < MAX_LENGTHS && i < all->count; i++) {
		struct key6 key = { .bits = all->of[i].bits };

		if (key.bits > 48 && !narrow)
			continue;
		for (int k = 0; k < 4; k++)
			key.addr[k] = p->src[k] & all->of[i].mask[k];
		if (met(bpf_map_lookup_elem(list, &key), now))
			return true;
	}
	return false;
}

static __always_inline bool is_set(void *bits, __u32 bit)
{
	__u32 i = bit / 64;
	__u64 *word = bpf_map_lookup_elem(bits, &i);

	return word && *word >> bit % 64 & 1;
}

/* maybe_listed asks the bits whether the tables are worth it. */
static __always_inline bool maybe_listed(void *bits, __u32 bit)
{
	return is_set(bits, LISTED_BITS + bit / LISTED_BY) && is_set(bits, bit);
}

/* bit6 is the bit of listed6 for the /48 of an address. Go reckons the same. */
static __always_inline __u32 bit6(const __u32 *addr)
{
	__u64 net = (__u64)bpf_ntohl(addr[0]) << 16 | bpf_ntohl(addr[1]) >> 16;

	return net * 0x9e3779b97f4a7c15ULL >> 40;
}

STAGE int on_lists(struct packet *p, __u64 now, bool narrow)
{
	if (!p)
		return NOT_LISTED;
	if (p->v6 ? holds6(&allow6, LIST_ALLOW6, p, now, narrow) : holds4(&allow4, LIST_ALLOW4, p, now, narrow))
		return IS_ALLOWED;
	if (p->v6 ? holds6(&deny6, LIST_DENY6, p, now, narrow) : holds4(&deny4, LIST_DENY4, p, now, narrow))
		return IS_DENIED;
	return NOT_LISTED;
}

static __always_inline enum standing standing(const struct judgement *j, struct packet *p)
{
	__u32 bit = p->v6 ? bit6(p->src) : bpf_ntohl(p->src[0]) >> 8;

	if (p->v6) {
		if (!j->config->wide6 && !maybe_listed(&listed6, bit))
			return NOT_LISTED;
		return on_lists(p, j->now, is_set(&listed6, LISTED_NARROW + bit));
	}
	if (!maybe_listed(&listed4, bit))
		return NOT_LISTED;
	return on_lists(p, j->now, is_set(&listed4, LISTED_NARROW + bit));
}

static __always_inline bool is_icmp(const struct packet *p)
{
	return p->part != LATER_PART && p->protocol == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* is_neighbour says whether this is neighbour discovery, without which nobody
 * speaks IPv6: it comes from the same link, or not at all. */
static __always_inline bool is_neighbour(const struct packet *p)
{
	return p->v6 && is_icmp(p) && p->hops == 255 &&
	       ICMP6_ND_FIRST <= p->icmp_type && p->icmp_type <= ICMP6_ND_LAST;
}

/* bogus says whether nobody can have the source address: "this network",
 * loopback, multicast and reserved (RFC 6890). A neighbour's link-local address
 * is good for ICMPv6. */
static __always_inline bool bogus(const struct packet *p)
{
	__u8 first = p->src[0]; /* in network order, so the first byte of the address */

	if (!p->v6)
		return first == 0 || first == 127 || first >= 224;
	if ((p->src[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return p->protocol != IPPROTO_ICMPV6;
	return first == 0 || first == 0xff;
}

/* has_byte says whether one of the bytes of a word is b (Mycroft 1987). */
static __always_inline bool has_byte(__u64 word, __u8 b)
{
	word ^= b * 0x0101010101010101ULL;
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* find_proven finds what is known of a source that has proven its address. */
static __always_inline struct proven *find_proven(const struct judgement *j, const struct packet *p)
{
	__u64 hash = mix(j->config, p->source);
	__u32 i = hash % PROVEN_SETS;
	__u8 tag = hash >> 56;
	struct tags *tags = bpf_map_lookup_elem(&proven_tags, &i);
	struct proven_set *set;

	if (!tags || !p->source || !has_byte(*(__u64 *)tags->way, tag))
		return NULL;
	set = bpf_map_lookup_elem(&proven, &i);
	for (int k = 0; set && k < PROVEN_WAYS; k++)
		if (set->way[k].source == p->source)
			return &set->way[k];
	return NULL;
}

/* quietest is the place of a set that a source has which has sent nothing for
 * the longest, or nobody. */
static __always_inline __u32 quietest(const struct proven_set *set, __u32 tick)
{
	__u32 longest = 0, found = 0;

	for (int k = 0; k < PROVEN_WAYS; k++) {
		const struct proven *other = &set->way[k];
		__u32 quiet = other->source ? tick + TICKS_AHEAD - other->bucket.tick : ~0U;

		if (quiet > longest) {
			longest = quiet;
			found = k;
		}
	}
	return found;
}

/* prove remembers that a source receives what is sent to it. Nothing else
 * creates state by source. */
static __always_inline void prove(const struct judgement *j, const struct packet *p)
{
	__u64 hash = mix(j->config, p->source);
	__u32 i = hash % PROVEN_SETS, tick = j->now >> TICK_SHIFT, k;
	struct tags *tags = bpf_map_lookup_elem(&proven_tags, &i);
	struct proven_set *set = bpf_map_lookup_elem(&proven, &i);

	if (!tags || !set || find_proven(j, p))
		return;
	k = quietest(set, tick) % PROVEN_WAYS;
	set->way[k] = (struct proven){ p->source, { .level = ~0U, .tick = tick } };
	tags->way[k] = hash >> 56;
}

static __always_inline __u32 find_host4(const struct config *c, const struct packet *p)
{
	__u32 i = (p->bank & 1) * HOSTS + (p->dst[0] * c->seed[p->bank & 1] >> 32) % HOSTS;
	struct hosts4 *bucket = bpf_map_lookup_elem(&homes4, &i);

	if (!bucket)
		return 0;
#pragma unroll
	for (int k = 0; k < BUCKET; k++)
		if (bucket->host[k].addr == p->dst[0])
			return bucket->host[k].policy;
	return 0;
}

static __always_inline __u32 find_host6(const struct config *c, const struct packet *p)
{
	__u64 folded = ((__u64)p->dst[0] << 32 | p->dst[1]) * 31 + ((__u64)p->dst[3] << 32 | p->dst[2]);
	__u32 i = (p->bank & 1) * HOSTS + ((__u32)(folded ^ folded >> 32) * c->seed[p->bank & 1] >> 32) % HOSTS;
	struct hosts6 *bucket = bpf_map_lookup_elem(&homes6, &i);

	if (!bucket)
		return 0;
#pragma unroll
	for (int k = 0; k < BUCKET; k++)
		if (same(bucket->host[k].addr, p->dst))
			return bucket->host[k].policy;
	return 0;
}

/* find_net finds the policy of a protected prefix. A source within it is the
 * destination's own, and so is not outside; the prefix of all addresses is
 * nobody's own. */
static __always_inline __u32 find_net(const struct config *c, struct packet *p)
{
	struct destination *d = NULL;

	if (p->v6 && c->nets6) {
		struct key6 key = { .bits = 128 };

		__builtin_memcpy(key.addr, p->dst, sizeof(key.addr));
		d = bpf_map_lookup_elem(&nets6, &key);
	} else if (!p->v6 && c->nets4) {
		struct key4 key = { .bits = 32, .addr = p->dst[0] };

		d = bpf_map_lookup_elem(&nets4, &key);
	}
	if (!d)
		return 0;
	p->inside = d->mask[0] && !(((p->src[0] ^ p->dst[0]) & d->mask[0]) | ((p->src[1] ^ p->dst[1]) & d->mask[1]) |
		      ((p->src[2] ^ p->dst[2]) & d->mask[2]) | ((p->src[3] ^ p->dst[3]) & d->mask[3]));
	return d->policy;
}

/* find_destination finds the policy of an address of ours; 0 is none. */
static __always_inline __u32 find_destination(const struct config *c, struct packet *p)
{
	__u32 policy = p->v6 ? find_host6(c, p) : find_host4(c, p);

	return policy ? policy : find_net(c, p);
}
