/* Protected destinations and their policies: single addresses in a hash table,
 * prefixes in LPM tries. */
#pragma once

#include "budget.h"

/* A protected prefix. */
struct destination {
	__u32 policy;
	__u32 mask[4];
};

/* Protected single addresses are in a hash table of buckets, for which user space
 * picks a seed with which no bucket overflows. A look-up costs a third of one in a
 * BPF hash map. */
#define HOSTS 16384
#define BUCKET 4

struct host4 {
	__u32 addr;
	__u32 policy; /* 0: free */
};

struct host6 {
	__u32 addr[4];
	__u32 policy;
};

struct host_bucket4 {
	struct host4 host[BUCKET];
};

struct host_bucket6 {
	struct host6 host[BUCKET];
};

ARRAY(hosts4, struct host_bucket4, 2 * HOSTS, ARRAY);
ARRAY(hosts6, struct host_bucket6, 2 * HOSTS, ARRAY);
TABLE(nets4, struct key4, struct destination, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);
TABLE(nets6, struct key6, struct destination, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);

/* find_host4 returns the policy of a protected single address; 0: none. */
static __always_inline __u32 find_host4(const struct config *c, const struct packet *p)
{
	__u32 i = (p->bank & 1) * HOSTS + (p->dst[0] * c->seed[p->bank & 1] >> 32) % HOSTS;
	struct host_bucket4 *bucket = bpf_map_lookup_elem(&hosts4, &i);

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
	struct host_bucket6 *bucket = bpf_map_lookup_elem(&hosts6, &i);

	if (!bucket)
		return 0;
#pragma unroll
	for (int k = 0; k < BUCKET; k++)
		if (same(bucket->host[k].addr, p->dst))
			return bucket->host[k].policy;
	return 0;
}

/* find_net returns the policy of a protected prefix; 0: none. A source within the
 * same prefix is the destination's own network, which cannot be outside; that of a
 * prefix of all addresses says nothing. */
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
	p->from_own_net = d->mask[0] && !(((p->src[0] ^ p->dst[0]) & d->mask[0]) | ((p->src[1] ^ p->dst[1]) & d->mask[1]) |
		      ((p->src[2] ^ p->dst[2]) & d->mask[2]) | ((p->src[3] ^ p->dst[3]) & d->mask[3]));
	return d->policy;
}

/* find_destination returns the policy of a protected address; 0: none. */
static __always_inline __u32 find_destination(const struct config *c, struct packet *p)
{
	__u32 policy = p->v6 ? find_host6(c, p) : find_host4(c, p);

	return policy ? policy : find_net(c, p);
}
