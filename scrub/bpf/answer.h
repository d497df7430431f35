/* Answers: the packet is turned into its answer in place and sent back. */
#pragma once

#include "budget.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* csum_add adds up 32-bit words for an Internet checksum (RFC 1071), and csum_fold
 * makes it of the sum. */
static __always_inline __u64 csum_add(const void *data, int bytes)
{
	const __u32 *word = data;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

static __always_inline void swap_ethernet(struct ethhdr *eth)
{
	__u8 from[ETH_ALEN];

	__builtin_memcpy(from, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, from, ETH_ALEN);
}

/* reply4 and reply6 make the IP header that of an answer with rest bytes behind it,
 * and return the sum of its pseudo header (RFC 9293, RFC 8200). */
static __always_inline __u64 reply4(struct iphdr *ip, const struct packet *p, __u8 protocol, __u16 rest)
{
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4; /* the received header may have had options */
	ip->saddr = p->dst[0];
	ip->daddr = p->src[0];
	ip->tot_len = bpf_htons(sizeof(*ip) + rest);
	ip->protocol = protocol;
	ip->tos = 0;
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000); /* do not fragment */
	ip->ttl = 64;
	ip->check = 0;
	ip->check = csum_fold(csum_add(ip, sizeof(*ip)));
	return (__u64)p->src[0] + p->dst[0] + bpf_htonl(protocol) + bpf_htonl(rest);
}

static __always_inline __u64 reply6(struct ipv6hdr *ip, const struct packet *p, __u8 protocol, __u16 rest)
{
	__builtin_memcpy(&ip->saddr, p->dst, sizeof(p->dst));
	__builtin_memcpy(&ip->daddr, p->src, sizeof(p->src));
	*(__be32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons(rest);
	ip->nexthdr = protocol;
	ip->hop_limit = 64;
	return csum_add(p->src, 16) + csum_add(p->dst, 16) + bpf_htonl(protocol) + bpf_htonl(rest);
}

/* send_back makes the packet an answer: Ethernet and IP headers with the addresses
 * swapped, and behind them body, a TCP segment or an ICMP message of size bytes
 * whose checksum, at check, is still zero. */
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
	swap_ethernet(data);
	data += p->l3 & 31;
	if (p->v6) {
		if (data + sizeof(struct ipv6hdr) + size > end)
			return false;
		sum = reply6(data, p, protocol, size);
		data += sizeof(struct ipv6hdr);
	} else {
		if (data + sizeof(struct iphdr) + size > end)
			return false;
		sum = reply4(data, p, protocol, size);
		data += sizeof(struct iphdr);
	}
	if (protocol == IPPROTO_ICMP)
		sum = 0; /* is not covered by a pseudo header */
	*(__u16 *)(body + check) = csum_fold(sum + csum_add(body, size));
	__builtin_memcpy(data, body, size);
	return true;
}
