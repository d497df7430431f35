/* State of agent.c: its reasons, settings and counts; and the clamping of the MSS
 * that the host's answers announce. */
#pragma once

#include "gre.h"
#include "tables.h"

/* Each way out of the programs. */
enum reason {
	/* On to the host's own stack. */
	REASON_OTHER, /* not GRE to a local address */
	REASON_DECAPSULATED,

	/* To the network: SYNs and SYN-ACKs of protected addresses. */
	REASON_CLAMPED,	/* the MSS was lowered */
	REASON_FITS,	/* the MSS fits, or there is none */

	/* Dropped: GRE to a local address. */
	REASON_STRANGER,  /* not from a known edge */
	REASON_FRAGMENT,  /* fragmented, which no edge does */
	REASON_MALFORMED, /* lengths, options, keys, an unknown inner protocol */
	REASON_OUTSIDE,	  /* to an address that is not protected here */
	REASON_COUNT,
};

struct config {
	__u16 mss4, mss6; /* the largest that fits; 0: do not clamp */
};

struct tally {
	__u64 packets;
	__u64 bytes;
};

ARRAY(settings, struct config, 1, ARRAY);
ARRAY(tallies, struct tally, REASON_COUNT, PERCPU_ARRAY);
TABLE(locals, __u32, __u8, 64, HASH, 0);
TABLE(peers, __u32, __u8, 1024, HASH, 0);
TABLE(protected4, struct key4, __u8, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);
TABLE(protected6, struct key6, __u8, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);

#define TCX_NEXT_PROGRAM (-1)

/* count is the only place where packets are counted. */
static __always_inline void count(__u32 why, __u32 bytes)
{
	struct tally *t = bpf_map_lookup_elem(&tallies, &why);

	if (!t)
		return;
	t->packets++;
	t->bytes += bytes;
}

static __always_inline bool is_protected4(__u32 addr)
{
	struct key4 key = { .bits = 32, .addr = addr };

	return bpf_map_lookup_elem(&protected4, &key);
}

static __always_inline bool is_protected6(const void *addr)
{
	struct key6 key = { .bits = 128 };

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&protected6, &key);
}

struct syn {
	__u32 l4;
	__u16 max_mss; /* the largest MSS that fits */
	__u8 flags;
	__u8 header; /* bytes of the TCP header */
};

/* read_syn finds a SYN or SYN-ACK of a protected address. The headers of what leaves
 * are the kernel's own, so they are not checked. */
static __always_inline bool read_syn(struct __sk_buff *skb, const struct config *c, struct syn *s)
{
	__be16 protocol = skb->protocol;
	__u32 l3 = sizeof(struct ethhdr);
	struct ipv6hdr ip6;
	struct iphdr ip4;
	struct vlan tag;
	__u8 size_and_flags[2];

	for (int i = 0; i < MAX_TAGS; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (bpf_skb_load_bytes(skb, l3, &tag, sizeof(tag)))
			return false;
		protocol = tag.protocol;
		l3 += sizeof(tag);
	}
	if (protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, l3, &ip4, sizeof(ip4)) || ip4.protocol != IPPROTO_TCP ||
		    ip4.frag_off & bpf_htons(IP_OFFSET))
			return false;
		s->l4 = l3 + ip4.ihl * 4;
		s->max_mss = c->mss4;
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, l3, &ip6, sizeof(ip6)) || ip6.nexthdr != IPPROTO_TCP)
			return false;
		s->l4 = l3 + sizeof(ip6);
		s->max_mss = c->mss6;
	} else {
		return false;
	}
	if (!s->max_mss || bpf_skb_load_bytes(skb, s->l4 + 12, size_and_flags, sizeof(size_and_flags)))
		return false;
	if (!(size_and_flags[1] & SYN))
		return false;
	s->header = size_and_flags[0] >> 4 << 2;
	return protocol == bpf_htons(ETH_P_IP) ? is_protected4(ip4.saddr) : is_protected6(&ip6.saddr);
}

enum { OPT_END, OPT_NOP, OPT_MSS };

#define MAX_TCP 60

/* find_mss returns the offset of the option's value in the TCP header, or 0. */
static __always_inline __u32 find_mss(const __u8 *tcp, __u32 size)
{
	__u64 at = sizeof(struct tcphdr);

	for (int i = 0; i < MAX_TCP - sizeof(struct tcphdr) && at + 3 < size; i++) {
		const __u8 *option;

		at = opaque(at & 63);
		option = tcp + at;
		if (option[0] == OPT_END)
			return 0;
		if (option[0] == OPT_MSS)
			return option[1] == 4 ? at + 2 : 0;
		if (option[0] != OPT_NOP && option[1] < 2)
			return 0;
		at += option[0] == OPT_NOP ? 1 : option[1];
	}
	return 0;
}

/* clamp lowers the MSS of a SYN, and never raises it. bpf_l4_csum_replace also handles
 * a checksum that the network card completes. */
static __always_inline enum reason clamp(struct __sk_buff *skb)
{
	__u32 first = 0, at;
	const struct config *c = bpf_map_lookup_elem(&settings, &first);
	__u8 tcp[MAX_TCP + 4] = {};
	struct syn s = {};
	__u16 was, is;
	__u64 size;

	if (!c || !read_syn(skb, c, &s))
		return REASON_OTHER;
	size = opaque(s.header);
	if (size < sizeof(struct tcphdr) || size > MAX_TCP || bpf_skb_load_bytes(skb, s.l4, tcp, size))
		return REASON_FITS;
	at = find_mss(tcp, size);
	if (!at || at > MAX_TCP - 2)
		return REASON_FITS;
	was = tcp[at & 63] << 8 | tcp[(at + 1) & 63];
	if (was <= s.max_mss)
		return REASON_FITS;
	was = bpf_htons(was);
	is = bpf_htons(s.max_mss);
	if (bpf_skb_store_bytes(skb, s.l4 + at, &is, sizeof(is), 0))
		return REASON_FITS;
	if (at & 1) { /* across two 16-bit words of the checksum */
		was = __builtin_bswap16(was);
		is = __builtin_bswap16(is);
	}
	bpf_l4_csum_replace(skb, s.l4 + __builtin_offsetof(struct tcphdr, check), was, is, sizeof(is));
	return REASON_CLAMPED;
}

/* A reference that keeps the type in the BTF, from which Go reads it. */
const enum reason *reasons __attribute__((unused));
