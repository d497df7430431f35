/* The parser: everything that later stages need of a packet, read once. */
#pragma once

#include <linux/udp.h>

#include "state.h"
#include "wire.h"

/* ICMP (RFC 792, RFC 4443). The kernel's own headers of it include those of the C
 * library. */
struct icmp {
	__u8 type, code;
	__u16 check;
	__be32 value; /* of an error: the MTU of the path */
};

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_BAD_PARAMETER = 12,
	ICMP_CODE_TOO_BIG = 4, /* of ICMP_UNREACHABLE */
};

enum {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_BAD_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ND_FIRST = 133, /* neighbour discovery, RFC 4861 */
	ICMP6_ND_LAST = 137,
};

enum fragment { NOT_FRAGMENT, FIRST_FRAGMENT, LATER_FRAGMENT };

struct packet {
	__u32 src[4], dst[4]; /* IPv4 in the first word */
	__u64 source;	      /* of budgets: an IPv4 address, or the upper half of an IPv6 one */
	__u32 frame;	      /* bytes on the wire */
	__u32 seq, ack;	      /* of TCP */
	__u16 l3, l4;	      /* where the headers begin */
	__u16 length;	      /* bytes from the IP header on */
	__u16 rest;	      /* bytes from the L4 header on */
	__u16 sport, dport;   /* in host byte order */
	__u8 v6;
	__u8 protocol;
	__u8 fragment; /* of enum fragment */
	__u8 options;  /* has IP options or extension headers */
	__u8 ttl;      /* or the hop limit */
	__u8 flags;    /* of TCP, its lower six */
	__u8 header;   /* bytes of the TCP header */
	__u8 icmp_type;
	__u8 from_own_net; /* the source is within the destination's own prefix */
	__u8 hops;	   /* how often other edges have handed it on */

	/* Results of the judgement. */
	__u32 bank;    /* that is in force: read once, since it may change at any time */
	__u32 policy;  /* under which it is counted */
	__u32 watched; /* the first reason that monitor mode did not enforce */
	__u32 tunnel;  /* through which it is forwarded; 0: none */
	__u32 to;      /* index of the interface to which it is forwarded */
};

/* For benchmarks: each packet seems to come from another source. The sources cover
 * all of 2^32 in a random order (a linear congruential generator with Knuth's
 * constants). A random number of the kernel would cost a quarter of what is
 * measured. */
const volatile bool random_sources = false;

static __always_inline void next_source(__be32 *addr)
{
	*addr = bpf_htonl(bpf_ntohl(*addr) * 1664525 + 1013904223);
}

static __always_inline bool same(const __u32 *a, const __u32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline void read_ports(struct packet *p, const void *l4)
{
	const __be16 *port = l4;

	p->sport = bpf_ntohs(port[0]);
	p->dport = bpf_ntohs(port[1]);
}

/* read_l4 parses TCP, UDP and ICMP. Other protocols and later fragments have no
 * header that is known. */
static __always_inline bool read_l4(struct packet *p, void *data, void *end)
{
	void *l4 = data + (opaque(p->l4) & 0x3ff);

	if (p->fragment == LATER_FRAGMENT)
		return true;
	switch (p->protocol) {
	case IPPROTO_TCP: {
		struct tcphdr *t = l4;

		if (p->rest < sizeof(*t) || (void *)(t + 1) > end)
			return false;
		p->header = t->doff * 4;
		if (p->header < sizeof(*t) || p->header > p->rest)
			return false;
		read_ports(p, l4);
		p->flags = ((__u8 *)t)[13] & 63;
		p->seq = t->seq;
		p->ack = t->ack_seq;
		return true;
	}
	case IPPROTO_UDP: {
		struct udphdr *u = l4;

		if (p->rest < sizeof(*u) || (void *)(u + 1) > end)
			return false;
		read_ports(p, l4);
		return bpf_ntohs(u->len) >= sizeof(*u) && (p->fragment || bpf_ntohs(u->len) <= p->rest);
	}
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->rest < sizeof(struct icmp) || l4 + sizeof(struct icmp) > end)
			return false;
		p->icmp_type = *(__u8 *)l4;
		return true;
	}
	return true;
}

static __always_inline bool read4(struct packet *p, void *data, void *end)
{
	struct iphdr *ip = data + p->l3;
	__u16 fragment, header;

	if ((void *)(ip + 1) > end)
		return false;
	header = ip->ihl * 4;
	p->length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || p->length < header || p->l3 + p->length > p->frame || !ip->ttl)
		return false;
	if (random_sources)
		next_source(&ip->saddr);
	p->src[0] = ip->saddr;
	p->dst[0] = ip->daddr;
	p->source = p->src[0];
	p->protocol = ip->protocol;
	p->ttl = ip->ttl;
	p->options = header > sizeof(*ip);
	p->l4 = p->l3 + header;
	p->rest = p->length - header;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & IP_OFFSET)
		p->fragment = LATER_FRAGMENT;
	else if (fragment & IP_MORE_FRAGMENTS)
		p->fragment = FIRST_FRAGMENT;
	return read_l4(p, data, end);
}

struct fragment6 {
	__u8 next, reserved;
	__be16 offset;
	__be32 id;
};

/* skip6 parses one extension header. It returns 1 if another may follow, 0 if not,
 * and -1 if the packet is too short. */
static __always_inline int skip6(struct packet *p, void *data, void *end)
{
	struct ipv6_opt_hdr *h = data + (p->l4 & 0x3ff);
	__u16 size;

	if (p->l4 > 0x3ff)
		return -1;
	if (p->protocol != IPPROTO_HOPOPTS && p->protocol != IPPROTO_ROUTING && p->protocol != IPPROTO_DSTOPTS &&
	    p->protocol != IPPROTO_FRAGMENT)
		return 0;
	if ((void *)h + sizeof(struct fragment6) > end)
		return -1;
	size = (h->hdrlen + 1) * 8;
	if (p->protocol == IPPROTO_FRAGMENT) {
		__u16 offset = bpf_ntohs(((struct fragment6 *)h)->offset);

		size = sizeof(struct fragment6);
		if (offset & 0xfff8)
			p->fragment = LATER_FRAGMENT;
		else if (offset & 1)
			p->fragment = FIRST_FRAGMENT;
	} else {
		p->options = 1;
	}
	if (size > p->rest)
		return -1;
	p->protocol = h->nexthdr;
	p->l4 += size;
	p->rest -= size;
	return p->fragment != LATER_FRAGMENT;
}

static __always_inline bool read6(struct packet *p, void *data, void *end)
{
	struct ipv6hdr *ip = data + p->l3;
	int more = 1;

	if ((void *)(ip + 1) > end)
		return false;
	p->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || p->length < sizeof(*ip) || p->l3 + p->length > p->frame || !ip->hop_limit)
		return false;
	if (random_sources)
		next_source(&ip->saddr.s6_addr32[1]);
	__builtin_memcpy(p->src, &ip->saddr, sizeof(p->src));
	__builtin_memcpy(p->dst, &ip->daddr, sizeof(p->dst));
	p->source = (__u64)p->src[0] << 32 | p->src[1];
	p->v6 = 1;
	p->protocol = ip->nexthdr;
	p->ttl = ip->hop_limit;
	p->l4 = p->l3 + sizeof(*ip);
	p->rest = p->length - sizeof(*ip);
	for (int i = 0; i < 4 && more > 0; i++)
		more = skip6(p, data, end);
	if (more < 0 || p->l4 > 0x3ff) /* farther than any host looks */
		return false;
	p->l4 &= 0x3ff;
	return read_l4(p, data, end);
}

/* read_packet parses a frame. It returns REASON_UNPROTECTED for what is not IP,
 * REASON_MALFORMED, or REASON_CLEAN. */
static __always_inline enum reason read_packet(struct xdp_md *ctx, struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct vlan *tags = data + sizeof(*eth);
	__be16 protocol;

	p->frame = ctx->data_end - ctx->data;
	if ((void *)(eth + 1) > end)
		return REASON_MALFORMED;
	protocol = eth->h_proto;
	p->l3 = sizeof(*eth);
	for (int i = 0; i < 2; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tags + i + 1) > end)
			return REASON_MALFORMED;
		protocol = tags[i].protocol;
		p->l3 += sizeof(*tags);
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return read4(p, data, end) ? REASON_CLEAN : REASON_MALFORMED;
	if (protocol == bpf_htons(ETH_P_IPV6))
		return read6(p, data, end) ? REASON_CLEAN : REASON_MALFORMED;
	return REASON_UNPROTECTED;
}

/* is_icmp reports whether this has an ICMP header of its family. */
static __always_inline bool is_icmp(const struct packet *p)
{
	return p->fragment != LATER_FRAGMENT && p->protocol == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* is_neighbour reports whether this is neighbour discovery, without which IPv6 does
 * not work. A hop limit of 255 shows that it comes from the same link. */
static __always_inline bool is_neighbour(const struct packet *p)
{
	return p->v6 && is_icmp(p) && p->ttl == 255 &&
	       ICMP6_ND_FIRST <= p->icmp_type && p->icmp_type <= ICMP6_ND_LAST;
}

/* is_bogon reports whether the source address cannot be that of a host: "this
 * network", loopback, multicast and reserved (RFC 6890). A link-local one is valid
 * for ICMPv6. */
static __always_inline bool is_bogon(const struct packet *p)
{
	__u8 first = p->src[0]; /* in network order, so the first byte of the address */

	if (!p->v6)
		return first == 0 || first == 127 || first >= 224;
	if ((p->src[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return p->protocol != IPPROTO_ICMPV6;
	return first == 0 || first == 0xff;
}
