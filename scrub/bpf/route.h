/* The tunnels to the data centre and to the next edge: the whole packet is
 * encapsulated in GRE (RFC 2784), so that it arrives with its true source. */
#pragma once

#include "answer.h"
#include "gre.h"

#ifndef AF_INET
#define AF_INET 2
#endif

struct tunnel {
	__be32 from, to;
};

/* outer_bytes is the length of the outer headers. */
static __always_inline int outer_bytes(__u32 key) { return key ? OUTER + sizeof(key) : OUTER; }

#define MAX_TUNNELS 64
ARRAY(tunnels, struct tunnel, MAX_TUNNELS, ARRAY); /* index 0 is none */

/* At most so many of these answers per second and CPU. */
static const struct rate answers_rate = { .per_tick = 1000 * TOKEN / 954, .burst = 1000 * TOKEN };
ARRAY(answers, struct bucket, 1, PERCPU_ARRAY);

/* Bytes that an answer quotes: the longest IPv4 header and eight bytes, or an IPv6
 * header, some extension headers and eight bytes. A packet that does not fit into
 * the tunnel is longer. */
#define QUOTE4 (60 + 8)
#define QUOTE6 (40 + 32 + 8)

/* send_too_big answers with the MTU of the tunnel (RFC 1191, RFC 8201). */
static __always_inline bool send_too_big(struct xdp_md *ctx, const struct packet *p, __u32 mtu)
{
	struct {
		struct icmp icmp;
		__u8 quoted[QUOTE6];
	} reply = {};
	__u32 first = 0;
	struct bucket *b = bpf_map_lookup_elem(&answers, &first);

	if (!b || !take_token(b, &answers_rate, bpf_ktime_get_coarse_ns()))
		return false;
	if (bpf_xdp_load_bytes(ctx, p->l3, reply.quoted, p->v6 ? QUOTE6 : QUOTE4))
		return false;
	if (p->v6) {
		reply.icmp.type = ICMP6_TOO_BIG;
		reply.icmp.value = bpf_htonl(mtu);
		return send_back(ctx, p, &reply, sizeof(struct icmp) + QUOTE6, 2, IPPROTO_ICMPV6);
	}
	reply.icmp.type = ICMP_UNREACHABLE;
	reply.icmp.code = ICMP_CODE_TOO_BIG;
	reply.icmp.value = bpf_htonl(mtu);
	return send_back(ctx, p, &reply, sizeof(struct icmp) + QUOTE4, 2, IPPROTO_ICMP);
}

/* decrement_ttl prevents endless routing loops. */
static __always_inline bool decrement_ttl(struct xdp_md *ctx, const struct packet *p)
{
	void *end = (void *)(long)ctx->data_end, *at = (void *)(long)ctx->data + (p->l3 & 31);

	if (p->ttl < 2)
		return false;
	if (p->v6) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return false;
		ip->hop_limit--;
	} else {
		struct iphdr *ip = at;
		__u32 sum;

		if ((void *)(ip + 1) > end)
			return false;
		ip->ttl--;
		sum = ip->check + bpf_htons(0x0100); /* RFC 1624 */
		ip->check = sum + (sum >= 0xffff);
	}
	return true;
}

/* encapsulate writes the outer headers, with a key unless it is 0. */
static __always_inline void encapsulate(struct iphdr *ip, const struct packet *p, const struct tunnel *t, __u32 key)
{
	struct gre *gre = (void *)(ip + 1);

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(p->length + outer_bytes(key));
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->protocol = IPPROTO_GRE;
	ip->saddr = t->from;
	ip->daddr = t->to;
	ip->check = csum_fold(csum_add(ip, sizeof(*ip)));
	gre->flags = key ? bpf_htons(GRE_HAS_KEY) : 0;
	gre->protocol = p->v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	if (key)
		*(__be32 *)(gre + 1) = bpf_htonl(key);
}

/* send_through sends a packet through a tunnel. It returns REASON_FORWARDED, or why
 * that was not possible. */
STAGE int send_through(struct xdp_md *ctx, struct packet *p, const struct tunnel *t, __u32 key)
{
	int outer = outer_bytes(key);
	struct bpf_fib_lookup fib = { .family = AF_INET };
	struct ethhdr *eth;
	long found;

	if (!p || !t)
		return REASON_NO_ROUTE;
	fib.ipv4_src = t->from;
	fib.ipv4_dst = t->to;
	fib.tot_len = p->length + outer;
	fib.ifindex = ctx->ingress_ifindex;
	found = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED && fib.mtu_result > outer &&
	    send_too_big(ctx, p, fib.mtu_result - outer))
		return REASON_TOO_BIG;
	if (found != BPF_FIB_LKUP_RET_SUCCESS || !decrement_ttl(ctx, p))
		return REASON_NO_ROUTE;
	if (bpf_xdp_adjust_head(ctx, (int)p->l3 - (int)sizeof(*eth) - outer))
		return REASON_NO_ROUTE;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) + OUTER + sizeof(key) > (void *)(long)ctx->data_end)
		return REASON_NO_ROUTE;
	__builtin_memcpy(eth->h_dest, fib.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib.smac, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IP);
	encapsulate((void *)(eth + 1), p, t, key);
	p->to = fib.ifindex;
	return REASON_FORWARDED;
}

/* forward sends a clean packet to its data centre. */
static __always_inline enum reason forward(struct xdp_md *ctx, struct packet *p)
{
	__u32 which = p->tunnel;

	return send_through(ctx, p, bpf_map_lookup_elem(&tunnels, &which), 0);
}
