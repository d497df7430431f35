/* UDP, QUIC, ICMP, fragments and the rest: packets that cannot verify their source,
 * and so have budgets per destination and a shared one per source. */
#pragma once

#include "tcp.h"

/* QUIC (RFC 9000, RFC 9369): a client pads its first packets to 1200 bytes. */
#define QUIC_LONG 0x80
#define QUIC_FIXED 0x40
#define QUIC_V1 1
#define QUIC_V2 0x6b3343cf
#define QUIC_LEAST 1200

struct quic {
	__u8 first;
	__be32 version;
} __attribute__((packed));

static __always_inline bool quic_allowed(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	void *end = (void *)(long)ctx->data_end;
	struct quic *q = (void *)(long)ctx->data + (p->l4 & 0x3ff) + sizeof(struct udphdr);
	__u32 version, initial;

	if ((void *)(q + 1) > end || p->rest < sizeof(struct udphdr) + sizeof(*q))
		return false;
	if (!(q->first & QUIC_FIXED) || p->sport == p->dport) /* the answer of a reflector: it comes from the port that it was sent to */
		return false;
	if (!(q->first & QUIC_LONG))
		return true;
	version = bpf_ntohl(q->version);
	if (version != QUIC_V1 && version != QUIC_V2)
		return version && within_budget(j, p, BUDGET_QUIC_INITIAL); /* the server answers with the versions that it supports */
	initial = version == QUIC_V1 ? 0 : 1;
	if ((q->first >> 4 & 3) != initial)
		return true;
	return p->rest >= sizeof(struct udphdr) + QUIC_LEAST && within_budget(j, p, BUDGET_QUIC_INITIAL);
}

/* from_reflector reports whether a datagram comes from a port that attackers use for
 * amplification. */
static __always_inline bool from_reflector(const struct packet *p)
{
	return p->protocol == IPPROTO_UDP && is_set(&reflectors, p->sport);
}

static __always_inline enum reason judge_udp(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	for (int i = 0; i < MAX_QUIC && i < j->policy->quic_count; i++) {
		if (j->policy->quic[i].from > p->dport || p->dport > j->policy->quic[i].to)
			continue;
		return quic_allowed(ctx, j, p) || !enforce(j, REASON_QUIC) ? REASON_CLEAN : REASON_QUIC;
	}
	if (!serves(j->policy->udp, j->policy->udp_count, p->dport) && enforce(j, REASON_PORT))
		return REASON_PORT;
	return REASON_CLEAN;
}

/* quotes_destination reports whether an ICMP error quotes a packet that its
 * destination can have sent. Padding of the frame does not count as a quotation. */
static __always_inline bool quotes_destination(struct xdp_md *ctx, const struct packet *p)
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

/* is_icmp_error reports whether this is an ICMP error about a packet of its
 * destination. */
static __always_inline bool is_icmp_error(struct xdp_md *ctx, const struct packet *p)
{
	__u8 type = p->icmp_type;

	if (!is_icmp(p))
		return false;
	if (p->v6 ? type < ICMP6_UNREACHABLE || type > ICMP6_BAD_PARAMETER :
		    type != ICMP_UNREACHABLE && type != ICMP_TIME_EXCEEDED && type != ICMP_BAD_PARAMETER)
		return false;
	return quotes_destination(ctx, p);
}

/* echo_allowed reports whether this is an echo request, or a reply where the policy
 * allows outbound connections, within the budget. */
static __always_inline bool echo_allowed(struct judgement *j, const struct packet *p)
{
	__u8 ping = p->v6 ? ICMP6_ECHO : ICMP_ECHO, pong = p->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY;

	return (p->icmp_type == ping || (p->icmp_type == pong && j->policy->outbound)) && within_budget(j, p, BUDGET_ICMP);
}

static __always_inline enum reason judge_protocol(struct xdp_md *ctx, struct judgement *j, const struct packet *p)
{
	if (p->protocol == IPPROTO_UDP)
		return judge_udp(ctx, j, p);
	if (is_icmp(p))
		return echo_allowed(j, p) || !enforce(j, REASON_ICMP) ? REASON_CLEAN : REASON_ICMP;
	if (!(j->policy->protocols[p->protocol / 64] >> p->protocol % 64 & 1) && enforce(j, REASON_PROTOCOL))
		return REASON_PROTOCOL;
	return REASON_CLEAN;
}

/* fragment_allowed judges fragments: without a budget in the policy, none passes. */
static __always_inline bool fragment_allowed(struct judgement *j, const struct packet *p)
{
	if (p->fragment == NOT_FRAGMENT)
		return true;
	return (j->policy->budgets[BUDGET_FRAGMENT].per_tick && within_budget(j, p, BUDGET_FRAGMENT)) ||
	       !enforce(j, REASON_FRAGMENT);
}

STAGE int judge_datagram(struct xdp_md *ctx, struct packet *p, const struct config *c, const struct policy *mine)
{
	struct judgement this, *j = &this;
	enum reason why;

	if (!resume(j, p, c, mine))
		return REASON_UNPROTECTED;
	/* These come first: if a flood of anything else used up their budget, every
	 * connection that waits for a neighbour or for an ICMP error would break. */
	if (is_neighbour(p) || (is_icmp_error(ctx, p) && within_budget(j, p, BUDGET_ICMP_ERROR)))
		return REASON_CLEAN;
	why = p->fragment == LATER_FRAGMENT ? REASON_CLEAN : judge_protocol(ctx, j, p);
	if (why != REASON_CLEAN)
		return why;
	if (!within_budget(j, p, BUDGET_UNVERIFIED) && enforce(j, REASON_RATE_DST))
		return REASON_RATE_DST;
	if (!within_budget(j, p, BUDGET_UNVERIFIED_NET) && enforce(j, REASON_RATE_DST_NET))
		return REASON_RATE_DST_NET;
	if (over_source_budget(j, p) && enforce(j, REASON_RATE_UNVERIFIED))
		return REASON_RATE_UNVERIFIED;
	return REASON_CLEAN;
}
