/* Answers that are made of the question: turned round and sent back. */
#pragma once

#include "judge.h"

static __always_inline __u16 folded(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* summed adds up words for an Internet checksum (RFC 1071). */
static __always_inline __u64 summed(const void *data, int bytes)
{
	const __u32 *word = data;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

static __always_inline void turn_ethernet(struct ethhdr *eth)
{
	__u8 from[ETH_ALEN];

	__builtin_memcpy(from, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, from, ETH_ALEN);
}

/* turn_ip makes the IP header one of an answer with this much behind it, and
 * returns the sum of its pseudo header (RFC 9293, RFC 8200). */
static __always_inline __u64 turn4(struct iphdr *ip, const struct packet *p, __u8 protocol, __u16 rest)
{
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4; /* the question may have had options */
	ip->saddr = p->dst[0];
	ip->daddr = p->src[0];
	ip->tot_len = bpf_htons(sizeof(*ip) + rest);
	ip->protocol = protocol;
	ip->tos = 0;
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000); /* not to be cut */
	ip->ttl = 64;
	ip->check = 0;
	ip->check = folded(summed(ip, sizeof(*ip)));
	return (__u64)p->src[0] + p->dst[0] + bpf_htonl(protocol) + bpf_htonl(rest);
}

static __always_inline __u64 turn6(struct ipv6hdr *ip, const struct packet *p, __u8 protocol, __u16 rest)
{
	__builtin_memcpy(&ip->saddr, p->dst, sizeof(p->dst));
	__builtin_memcpy(&ip->daddr, p->src, sizeof(p->src));
	*(__be32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons(rest);
	ip->nexthdr = protocol;
	ip->hop_limit = 64;
	return summed(p->src, 16) + summed(p->dst, 16) + bpf_htonl(protocol) + bpf_htonl(rest);
}

/* send_back turns the packet round: Ethernet and IP of the question, and these
 * bytes, a TCP segment or an ICMP message, behind them. body has room for most
 * bytes, and the place of its checksum holds zero. */
static __always_inline bool send_back(struct xdp_md *ctx, const struct packet *p, void *body, int size, int check,
				      __u8 protocol)
{
	int ip_size = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	void *data, *end;
	__u64 sum;

	if (bpf_xdp_adjust_tail(ctx, p->l3 + ip_size + size - (int)p->frame))
		return false;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct ethhdr) > end)
		return false;
	turn_ethernet(data);
	data += p->l3 & 31;
	if (p->v6) {
		if (data + sizeof(struct ipv6hdr) + size > end)
			return false;
		sum = turn6(data, p, protocol, size);
		data += sizeof(struct ipv6hdr);
	} else {
		if (data + sizeof(struct iphdr) + size > end)
			return false;
		sum = turn4(data, p, protocol, size);
		data += sizeof(struct iphdr);
	}
	if (protocol == IPPROTO_ICMP)
		sum = 0; /* has no pseudo header */
	*(__u16 *)(body + check) = folded(sum + summed(body, size));
	__builtin_memcpy(data, body, size);
	return true;
}
