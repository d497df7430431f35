/* The judgement of a packet: what its stages share. */
#pragma once

#include "parse.h"

struct judgement {
	const struct config *config;
	const struct policy *policy;
	struct packet *packet;
	__u64 now; /* as clock() shows it */
};

/* clock is the time in ns, as far as the kernel's ticks tell: it is some
 * milliseconds coarse, and free. bpf_ktime_get_ns() would cost as much as the rest
 * of the program. */
static __always_inline __u64 clock(const struct config *c) { return bpf_jiffies64() * c->tick; }

/* resume makes a judgement for a stage: the verifier does not allow it to use that
 * of its caller. */
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

/* enforce reports whether the policy acts on this reason. In monitor mode it only
 * notes the first reason that would have ended the packet. */
static __always_inline bool enforce(struct judgement *j, enum reason why)
{
	__u8 mode = j->policy->mode[why];

	if (mode == MODE_MONITOR && !j->packet->watched)
		j->packet->watched = why;
	return mode == MODE_MITIGATE;
}

/* keyed_hash spreads a number over 64 bits (the finalizer of MurmurHash3). Without
 * the secret no sender can choose numbers that collide. */
static __always_inline __u64 keyed_hash(const struct config *c, __u64 n)
{
	n ^= c->key[0];
	n ^= n >> 33;
	n *= 0xff51afd7ed558ccdULL;
	n ^= n >> 33;
	n *= 0xc4ceb9fe1a85ec53ULL;
	return n ^ n >> 33;
}
