//go:build ignore

/* The lab's programs: the packet generator that attacks, the witnesses that count
 * what passes the scrubber, and the sink of answers to spoofed sources. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char __license[] SEC("license") = "GPL";

/* A 32-bit word that differs from packet to packet. */
struct change {
	__u32 old;  /* its value in the template */
	__u32 mask; /* the bits that are random */
	__u16 at;
	__u8 in_ip; /* the IP header's checksum covers it */
	__u8 in_l4; /* the checksum behind the IP header does, by its pseudo header or itself */
};

#define MAX_CHANGES 12
#define MAX_LENGTH 1514

struct template {
	struct change changes[MAX_CHANGES];
	__u16 changed; /* number of changes */
	__u16 length;
	__u16 ip_sum, l4_sum; /* offsets of the checksums to update; 0: none */
	__u8 bytes[MAX_LENGTH];
	__u16 pad;
};

#define MAX_TEMPLATES 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct template);
	__uint(max_entries, MAX_TEMPLATES);
} templates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} sent SEC(".maps");

volatile __u32 egress; /* index of the interface on which packets leave */
volatile __u32 template_count; /* number of templates in use */

/* fold makes an Internet checksum (RFC 1071) of a sum of 32-bit words. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* split_mix makes a pseudo-random number from a counter (SplitMix64). It costs a
 * fifth of a random number of the kernel. */
static __always_inline __u32 split_mix(__u64 n)
{
	n *= 0x9e3779b97f4a7c15ULL;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ULL;
	n = (n ^ n >> 27) * 0x94d049bb133111ebULL;
	return n >> 32;
}

static __always_inline void update_checksum(void *data, void *end, __u16 at, __u64 difference, bool never_zero)
{
	__u16 *sum = data + (at & 0x7ff);

	if (!at || (void *)(sum + 1) > end)
		return;
	*sum = fold((__u16)~*sum + difference);
	if (never_zero && !*sum)
		*sum = 0xffff;
}

/* generate makes the next packet from its template, completely: the buffer is that
 * of an earlier packet, as the receiver has left it. It is a little longer than any
 * template, since only a change of length makes the kernel update the length. */
SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u32 zero = 0, turn = template_count;
	__u64 *count = bpf_map_lookup_elem(&sent, &zero), in_ip = 0, in_l4 = 0, seed;
	void *data, *end;
	struct template *s;
	__u32 length, found;

	if (!count || !turn)
		return XDP_ABORTED;
	turn = (__u32)*count % turn;
	s = bpf_map_lookup_elem(&templates, &turn);
	if (!s)
		return XDP_ABORTED;
	length = s->length;
	if (length < ETH_HLEN || length > MAX_LENGTH)
		return XDP_ABORTED;
	found = ctx->data_end - ctx->data;
	barrier_var(found); /* or the compiler subtracts from a pointer, which the verifier forbids */
	if (bpf_xdp_adjust_tail(ctx, (int)(length - found)))
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(ctx, 0, s->bytes, length))
		return XDP_ABORTED;
	seed = ((__u64)bpf_get_smp_processor_id() << 48) + *count * MAX_CHANGES + 1;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	for (int i = 0; i < MAX_CHANGES && i < s->changed; i++) {
		struct change *c = &s->changes[i];
		__u32 *word = data + (c->at & 0x7ff), fresh;
		__u64 difference;

		if ((void *)(word + 1) > end)
			return XDP_ABORTED;
		fresh = (c->old & ~c->mask) | (split_mix(seed + i) & c->mask);
		*word = fresh;
		difference = (__u64)(__u32)~c->old + fresh;
		if (c->in_ip)
			in_ip += difference;
		if (c->in_l4)
			in_l4 += difference;
	}
	update_checksum(data, end, s->ip_sum, in_ip, false);
	update_checksum(data, end, s->l4_sum, in_l4, true);
	++*count;
	return bpf_redirect(egress, 0);
}

/* The party that a packet is from, or to. */
enum party { CUSTOMER, BOT, LINK, STRANGER, PARTY_COUNT };

#define COUNTS(name)                                  \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__type(key, enum party);                \
		__type(value, __u64);                 \
		__uint(max_entries, PARTY_COUNT);       \
	} name SEC(".maps")

COUNTS(seen_at_edge);
COUNTS(seen_at_centre);
COUNTS(answered);

/* party_of classifies the addresses of the lab: 10.1.0.0/16 and fd00:1::/32 are
 * customers, 10.2.0.0/16 and fd00:2::/32 bots, the rest of 10.0.0.0/8 and fd00::/16
 * links. Neighbour discovery counts as links. */
static __always_inline enum party party_of(void *data, void *end, bool sender)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);
	__u8 *address;

	if ((void *)(eth + 1) > end)
		return STRANGER;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip + 1) > end)
			return STRANGER;
		address = sender ? (__u8 *)&ip->saddr : (__u8 *)&ip->daddr;
		if (address[0] != 10)
			return STRANGER;
		return address[1] == 1 ? CUSTOMER : address[1] == 2 ? BOT : LINK;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IPV6))
		return LINK;
	if ((void *)(ip6 + 1) > end)
		return STRANGER;
	address = sender ? (__u8 *)&ip6->saddr : (__u8 *)&ip6->daddr;
	if (address[0] == 0xfd && address[1] == 0)
		return address[3] == 1 ? CUSTOMER : address[3] == 2 ? BOT : LINK;
	if ((ip6->nexthdr == IPPROTO_ICMPV6 || ip6->nexthdr == IPPROTO_HOPOPTS) &&
	    (address[0] == 0xfe || address[0] == 0xff || !address[0]))
		return LINK;
	return STRANGER;
}

static __always_inline void add(void *map, __u32 i, __u64 n)
{
	__u64 *count = bpf_map_lookup_elem(map, &i);

	if (count)
		*count += n;
}

static __always_inline void count_packet(struct __sk_buff *skb, void *map)
{
	enum party from = party_of((void *)(long)skb->data, (void *)(long)skb->data_end, true);

	add(map, from, skb->gso_segs ? skb->gso_segs : 1);
}

/* A witness counts the packets that reach a host's own stack. Other programs on the
 * same hook still see them. */
SEC("tcx/ingress")
int witness_at_edge(struct __sk_buff *skb)
{
	count_packet(skb, &seen_at_edge);
	return TC_ACT_UNSPEC;
}

SEC("tcx/ingress")
int witness_at_centre(struct __sk_buff *skb)
{
	count_packet(skb, &seen_at_centre);
	return TC_ACT_UNSPEC;
}

/* sink drops answers to addresses that no host has. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	enum party to = party_of((void *)(long)ctx->data, (void *)(long)ctx->data_end, false);

	add(&answered, to, 1);
	return to == STRANGER ? XDP_DROP : XDP_PASS;
}

/* drop is the cheapest program, for others to be compared with. */
SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}
