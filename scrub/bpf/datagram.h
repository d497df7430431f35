/* UDP, QUIC, ICMP, fragments and the rest: what proves no address, and so has
 * budgets by destination and a crowd's by source. */
#pragma once

#include "tcp.h"

/* QUIC (RFC 9000, RFC 9369): a client's first packets fill 1200 bytes. */
#define QUIC_LONG 0x80
#define QUIC_FIXED 0x40
#define QUIC_V1 1
#define QUIC_V2 0x6b3343cf
#define QUIC_LEAST 1200

struct quic {
	__u8 first;
	__be32 version;
} __attribute__((packed));

static __always_inline bool quic_is_good(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	void *end = (void *)(long)ctx->data_end;
	struct quic *q = (void *)(long)ctx->data + (p->l4 & 0x3ff) + sizeof(struct udphdr);
	__u32 version, initial;

	if ((void *)(q + 1) > end || p->rest < sizeof(struct udphdr) + sizeof(*q))
		return false;
	if (!(q->first & QUIC_FIXED) || p->sport == p->dport) /* a reflector's answer comes from the same port */
		return false;
	if (!(q->first & QUIC_LONG))
		return true;
	version = bpf_ntohl(q->version);
	if (version != QUIC_V1 && version != QUIC_V2)
		return version && within(j, p, BUDGET_QUIC_INITIAL); /* is told which versions there are */
	initial = version == QUIC_V1 ? 0 : 1;
	if ((q->first >> 4 & 3) != initial)
		return true;
	return p->rest >= sizeof(struct udphdr) + QUIC_LEAST && within(j, p, BUDGET_QUIC_INITIAL);
}

/* from_reflector says whether a datagram comes from a port of those that
 * attackers use to amplify. */
static __always_inline bool from_reflector(const struct packet *p)
{
	return p->protocol == IPPROTO_UDP && is_set(&reflectors, p->sport);
}

static __always_inline enum reason judge_udp(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	for (int i = 0; i < MAX_QUIC && i < j->policy->quic_count; i++) {
		if (j->policy->quic[i].from > p->dport || p->dport > j->policy->quic[i].to)
			continue;
		return quic_is_good(ctx, j, p) || !refuse(j, REASON_QUIC) ? REASON_CLEAN : REASON_QUIC;
	}
	if (!serves(j->policy->udp, j->policy->udp_count, p->dport) && refuse(j, REASON_PORT))
		return REASON_PORT;
	return REASON_CLEAN;
}

/* concerns_us says whether an ICMP error quotes a packet that its destination
 * can have sent; what pads a frame is no quotation. */
static __always_inline bool concerns_us(struct xdp_md *ctx, const struct packet *p)
{
	void *end = (void *)(long)ctx->data_end;
	void *quoted = (void *)(long)ctx->data + (p->l4 & 0x3ff) + sizeof(struct icmp);

	if (p->v6) {
		struct ipv6hdr *ip = quoted;
		__u32 *from = (void *)&ip->saddr;

		return p->rest >= sizeof(struct icmp) + sizeof(*ip) && (void *)(ip + 1) <= end &&
		       from[0] == p->dst[0] && from[1] == p->dst[1] && from[2] == p->dst[2] && from[3] == p->dst[3];
	} else {
		struct iphdr *ip = quoted;

		return p->rest >= sizeof(struct icmp) + sizeof(*ip) && (void *)(ip + 1) <= end &&
		       ip->saddr == p->dst[0];
	}
}

/* is_error says whether this is an ICMP error about a packet of its destination. */
static __always_inline bool is_error(struct xdp_md *ctx, const struct packet *p)
{
	__u8 type = p->icmp_type;

	if (!is_icmp(p))
		return false;
	if (p->v6 ? type < ICMP6_UNREACHABLE || type > ICMP6_BAD_PARAMETER :
		    type != ICMP_UNREACHABLE && type != ICMP_TIME_EXCEEDED && type != ICMP_BAD_PARAMETER)
		return false;
	return concerns_us(ctx, p);
}

/* icmp_is_good says whether this is a ping, or the answer to one where the
 * destination asks, and not one too many. */
static __always_inline bool icmp_is_good(struct judgement *j, const struct packet *p)
{
	__u8 ping = p->v6 ? ICMP6_ECHO : ICMP_ECHO, pong = p->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY;

	return (p->icmp_type == ping || (p->icmp_type == pong && j->policy->outbound)) && within(j, p, BUDGET_ICMP);
}

static __always_inline enum reason judge_protocol(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	if (p->protocol == IPPROTO_UDP)
		return judge_udp(ctx, j, p);
	if (is_icmp(p))
		return icmp_is_good(j, p) || !refuse(j, REASON_ICMP) ? REASON_CLEAN : REASON_ICMP;
	if (!(j->policy->protocols[p->protocol / 64] >> p->protocol % 64 & 1) && refuse(j, REASON_PROTOCOL))
		return REASON_PROTOCOL;
	return REASON_CLEAN;
}

/* part_is_good judges fragments: none pass where the policy gives them no
 * budget. */
static __always_inline bool part_is_good(struct judgement *j, const struct packet *p)
{
	if (p->part == WHOLE)
		return true;
	return (j->policy->budgets[BUDGET_FRAGMENT].per_tick && within(j, p, BUDGET_FRAGMENT)) ||
	       !refuse(j, REASON_FRAGMENT);
}

STAGE int judge_datagram(struct xdp_md *ctx, struct packet *p, const struct config *c, const struct policy *mine)
{
	struct judgement this, *j = &this;
	enum reason why;

	if (!resume(j, p, c, mine))
		return REASON_UNPROTECTED;
	/* Of a flood of anything else these would die, and with them every connection
	 * that waits for a neighbour or for news of its path. */
	if (is_neighbour(p) || (is_error(ctx, p) && within(j, p, BUDGET_ICMP_ERROR)))
		return REASON_CLEAN;
	why = p->part == LATER_PART ? REASON_CLEAN : judge_protocol(ctx, j, p);
	if (why != REASON_CLEAN)
		return why;
	if (!within(j, p, BUDGET_UNVERIFIED) && refuse(j, REASON_RATE_DST))
		return REASON_RATE_DST;
	if (!within(j, p, BUDGET_UNVERIFIED_NET) && refuse(j, REASON_RATE_DST_NET))
		return REASON_RATE_DST_NET;
	if (crowded(j, p) && refuse(j, REASON_RATE_UNVERIFIED))
		return REASON_RATE_UNVERIFIED;
	return REASON_CLEAN;
}
