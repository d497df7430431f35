//go:build ignore

/* agent: the data centre's end of the tunnels. A packet that comes out of one has
 * its true source again; GRE from anywhere else is dropped.
 *
 * tunnel_in runs before the host's own stack, on every interface on which tunnels
 * arrive, and tunnel_back behind it, on those on which answers leave. They pass
 * what they do not know. */
#include "agent.h"

char __license[] SEC("license") = "GPL";

struct outer {
	__u32 src, dst;
	__u32 frame; /* bytes of the frame */
	__u16 l3;
	__u16 inner; /* bytes of the inner packet; 0: it is cut short */
	__u16 fragment;
	__be16 flags, protocol;
	__u8 header; /* bytes of the IP header */
};

/* find_l3 returns the offset of the IPv4 header, or 0. */
static __always_inline __u16 find_l3(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct vlan *tags = data + sizeof(*eth);
	__u16 l3 = sizeof(*eth);
	__be16 protocol;

	if ((void *)(eth + 1) > end)
		return 0;
	protocol = eth->h_proto;
	for (int i = 0; i < MAX_TAGS; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tags + i + 1) > end)
			return 0;
		protocol = tags[i].protocol;
		l3 += sizeof(*tags);
	}
	return protocol == bpf_htons(ETH_P_IP) ? l3 : 0;
}

/* read_outer parses the outer headers. It returns false if this is not GRE to a local
 * address. */
static __always_inline bool read_outer(struct xdp_md *ctx, struct outer *o)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip;
	struct gre *gre;
	__u16 length;

	o->frame = bpf_xdp_get_buff_len(ctx);
	o->l3 = find_l3(data, end);
	ip = data + (o->l3 & 31);
	if (!o->l3 || (void *)(ip + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_GRE)
		return false;
	o->src = ip->saddr;
	o->dst = ip->daddr;
	if (!bpf_map_lookup_elem(&locals, &o->dst))
		return false;
	o->header = ip->ihl * 4;
	o->fragment = bpf_ntohs(ip->frag_off) & (IP_MORE_FRAGMENTS | IP_OFFSET);
	length = bpf_ntohs(ip->tot_len);
	gre = (void *)(ip + 1);
	if ((void *)(gre + 1) > end || length <= OUTER || o->l3 + length > o->frame)
		return true;
	o->inner = length - OUTER;
	o->flags = gre->flags;
	o->protocol = gre->protocol;
	return true;
}

/* read_inner checks that the inner packet is complete and has a protected
 * destination. */
static __always_inline enum reason read_inner(struct xdp_md *ctx, const struct outer *o)
{
	void *ip = (void *)(long)ctx->data + (o->l3 & 31) + OUTER, *end = (void *)(long)ctx->data_end;

	if (o->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip4 = ip;
		__u16 length;

		if (o->inner < sizeof(*ip4) || (void *)(ip4 + 1) > end)
			return REASON_MALFORMED;
		length = bpf_ntohs(ip4->tot_len);
		if (ip4->version != 4 || ip4->ihl < 5 || length < ip4->ihl * 4 || length > o->inner)
			return REASON_MALFORMED;
		return is_protected4(ip4->daddr) ? REASON_DECAPSULATED : REASON_OUTSIDE;
	}
	if (o->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = ip;

		if (o->inner < sizeof(*ip6) || (void *)(ip6 + 1) > end)
			return REASON_MALFORMED;
		if (ip6->version != 6 || sizeof(*ip6) + bpf_ntohs(ip6->payload_len) > o->inner)
			return REASON_MALFORMED;
		return is_protected6(&ip6->daddr) ? REASON_DECAPSULATED : REASON_OUTSIDE;
	}
	return REASON_MALFORMED;
}

static __always_inline enum reason judge(struct xdp_md *ctx, struct outer *o)
{
	enum reason why;

	if (!read_outer(ctx, o))
		return REASON_OTHER;
	if (!bpf_map_lookup_elem(&peers, &o->src))
		return REASON_STRANGER;
	if (o->fragment)
		return REASON_FRAGMENT;
	if (o->header != sizeof(struct iphdr) || !o->inner || o->flags)
		return REASON_MALFORMED;
	why = read_inner(ctx, o);
	if (why == REASON_DECAPSULATED && !remove_outer(ctx, o->l3, OUTER, o->protocol))
		return REASON_MALFORMED;
	return why;
}

SEC("xdp.frags")
int tunnel_in(struct xdp_md *ctx)
{
	struct outer o = {};
	enum reason why = judge(ctx, &o);

	count(why, o.frame);
	return why <= REASON_DECAPSULATED ? XDP_PASS : XDP_DROP;
}

SEC("tcx/egress")
int tunnel_back(struct __sk_buff *skb)
{
	enum reason why = clamp(skb);

	if (why != REASON_OTHER)
		count(why, skb->len);
	return TCX_NEXT_PROGRAM;
}
