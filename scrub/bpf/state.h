/* What scrub.c knows: its reasons, its settings and its counts. Go reads these
 * types from here; nothing is typed twice. */
#pragma once

#include "tables.h"

/* Each way out of the program. The order is that of the stages. */
enum reason {
	/* To the host's own stack. */
	REASON_UNPROTECTED, /* no destination of ours, or not IP: nobody's business */
	REASON_OFF,	    /* the destination's policy is off */
	REASON_ALLOWED,	    /* the source is on the allow list */
	REASON_SYNCOOKIE_REFRESH,	    /* a SYN that reminds the listener that cookies are about */
	REASON_CLEAN,

	/* Through a tunnel to the data centre. */
	REASON_FORWARDED,

	/* Answered from here. */
	REASON_SYN_COOKIE, /* SYN, answered with a cookie */
	REASON_SYN_AUTH,   /* SYN, answered so that the sender's RST proves its address */
	REASON_TOO_BIG,	   /* does not fit into the tunnel: told the sender how much does */

	/* Dropped. */
	REASON_MALFORMED,    /* lengths, versions, TTL 0, headers cut short */
	REASON_LAND,	     /* sent to itself */
	REASON_FLAGS,	     /* TCP flags that no stack sends */
	REASON_DENIED,	     /* the source is on the deny list */
	REASON_BOGON,	     /* a source that nobody has, or that is the destination's own */
	REASON_OPTIONS,	     /* IP options, IPv6 extension headers */
	REASON_PROTOCOL,     /* a protocol that the destination does not speak */
	REASON_UDP_REFLECTION, /* UDP from a port of a reflector */
	REASON_PORT,	     /* a port that the destination does not serve */
	REASON_FRAGMENT,
	REASON_ICMP,	     /* neither a question that is answered nor news of a path */
	REASON_QUIC,	     /* an Initial that is too short or one too many, an unknown version */
	REASON_SYN_DATA,     /* SYN with a payload */
	REASON_RATE_DST,	     /* more than the destination takes of unproven packets */
	REASON_RATE_DST_NET,	     /* the same, for its whole /24 or /64 */
	REASON_SYN_ACK_REFLECTION,   /* SYN-ACK that nobody asked for */
	REASON_OUT_OF_STATE,	     /* ACK, RST, FIN of no connection */
	REASON_BAD_COOKIE,	     /* ACK to a listener with a cookie that is not ours */
	REASON_SYN_AUTH_RST,	     /* the RST that proved its sender's address; it is of no more use */
	REASON_RATE_VERIFIED,	     /* more than one proven source may send */
	REASON_RATE_UNVERIFIED,	     /* more than one unproven source may send */
	REASON_NO_ROUTE,     /* the way to the data centre is not known */
	REASON_COUNT,
};

/* What to do about a reason, by policy. */
enum mode { MODE_OFF, MODE_MONITOR, MODE_MITIGATE };

/* Buckets of tokens. Their tick is 2^20 ns; a token is cut into 2^12. */
#define TICK_SHIFT 20
#define TOKEN 4096
#define TICKS_AHEAD 1024U /* that a bucket's clock may be before a CPU's */

struct rate {
	__u32 per_tick; /* 0: no limit */
	__u32 burst;
};

struct bucket {
	__u32 level;
	__u32 tick;
};

/* Budgets of a policy. Those by destination are shared out among the CPUs that
 * receive. */
enum budget {
	BUDGET_SYN,	/* by destination: above it SYNs are answered here */
	BUDGET_SYN_NET, /* the same by /24 or /64 */
	BUDGET_OUT_OF_STATE,	/* by destination: above it ACKs of unproven sources are checked */
	BUDGET_UNVERIFIED, /* by destination: UDP, pings, fragments, others */
	BUDGET_UNVERIFIED_NET,
	BUDGET_ICMP,	 /* by destination: pings */
	BUDGET_ICMP_ERROR, /* by /24 or /64: news of a path */
	BUDGET_QUIC_INITIAL,	 /* by destination: QUIC's first packets */
	BUDGET_FRAGMENT, /* by destination */
	BUDGET_VERIFIED_SOURCE,	 /* by proven source */
	BUDGET_UNVERIFIED_SOURCE,	 /* by unproven source */
	BUDGET_COUNT,
};

struct ports {
	__u16 from, to;
};

#define MAX_PORTS 16
#define MAX_QUIC 4

struct policy {
	struct rate budgets[BUDGET_COUNT];
	struct ports tcp[MAX_PORTS], udp[MAX_PORTS], quic[MAX_QUIC];
	__u8 tcp_count, udp_count, quic_count;
	__u8 off;
	__u8 tunnel;   /* 0: the destination is on this host; else an index of tunnels */
	__u8 outbound; /* the destination opens connections of its own */
	__u8 pad[2];
	__u64 protocols[4]; /* what else it speaks beside TCP, UDP and ICMP */
	__u8 mode[REASON_COUNT];
};

#define MAX_POLICIES 512
#define POLICY_ALL 0 /* what is judged before the destination is known */

struct config {
	__u64 key[2];	   /* secret: hashes, and what a RST must prove */
	__u64 seed[2];	   /* of the tables of hosts, by bank */
	__u32 bank;	   /* which half of policies and hosts is in force */
	__u32 tick;	   /* ns, of the kernel's ticks */
	__u32 sample_mask; /* one packet of mask+1 is shown, by reason */
	__u16 mss4, mss6;  /* that cookies offer */
	__u8 wscale;	   /* that the host's stack would offer */
	__u8 nets4, nets6; /* there are prefixes of destinations */
	__u8 wide6;	   /* there are sources listed that are wider than a /48 */
};

/* A protected prefix. */
struct destination {
	__u32 policy;
	__u32 mask[4];
};

/* Protected addresses stand in tables of buckets: user space picks a seed by
 * which all find room. That costs a third of a look-up in a hash map. */
#define HOSTS 16384
#define BUCKET 4

struct host4 {
	__u32 addr;
	__u32 policy; /* 0: nobody is here */
};

struct host6 {
	__u32 addr[4];
	__u32 policy;
};

struct hosts4 {
	struct host4 host[BUCKET];
};

struct hosts6 {
	struct host6 host[BUCKET];
};

/* A source that is listed. */
struct listed {
	__u64 until;   /* as clock() has it; 0: for good */
	__u64 packets; /* that met it */
	__u32 cause;   /* the owner's own business */
	__u32 owner;
};

/* Lengths of the prefixes that a list holds, the longest first, each with its
 * mask. */
#define MAX_LENGTHS 129
struct length {
	__u32 bits;
	__u32 mask[4];
};
struct lengths {
	__u32 count;
	struct length of[MAX_LENGTHS];
};

/* The lists, each with a table of its own. */
enum list { LIST_ALLOW4, LIST_ALLOW6, LIST_DENY4, LIST_DENY6, LIST_COUNT };

struct tally {
	__u64 packets;
	__u64 bytes;
	__u64 watched; /* packets that would have left this way, but for monitor mode */
};

/* A source that has proven that it receives what is sent to it. */
struct proven {
	__u64 source; /* 0: nobody */
	struct bucket bucket;
};

/* They stand in sets by a hash. Eight bits more of it, a tag for each place of a
 * set, are a table of their own that stays in a CPU's cache: nearly nobody has
 * proven an address while a flood lasts. */
#define PROVEN_WAYS 8
#define PROVEN_SETS 32768
struct proven_set {
	struct proven way[PROVEN_WAYS];
};
struct tags {
	__u8 way[PROVEN_WAYS];
};

struct sample {
	__u64 time; /* ns of the monotonic clock */
	__u32 policy;
	__u32 ifindex;
	__u8 reason, watched;
	__u8 v6;
	__u8 protocol;
	__u8 flags; /* of TCP */
	__u8 icmp_type;
	__u16 length;
	__u16 sport, dport;
	__u32 src[4], dst[4]; /* as in the packet; IPv4 in the first */
};

/* What two clocks of the kernel show at the same time. */
struct times {
	__u64 ticks, ns;
};

struct name {
	char text[48];
};

ARRAY(both_clocks, struct times, 1, ARRAY);
ARRAY(names, struct name, MAX_POLICIES, ARRAY); /* of policies, for who starts anew */
ARRAY(settings, struct config, 1, ARRAY);
ARRAY(policies, struct policy, 2 * MAX_POLICIES, ARRAY);
ARRAY(tallies, struct tally, MAX_POLICIES * REASON_COUNT, PERCPU_ARRAY);

ARRAY(homes4, struct hosts4, 2 * HOSTS, ARRAY);
ARRAY(homes6, struct hosts6, 2 * HOSTS, ARRAY);
TABLE(nets4, struct key4, struct destination, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);
TABLE(nets6, struct key6, struct destination, 1024, LPM_TRIE, BPF_F_NO_PREALLOC);

/* One bit for each /24, and one for each of 2^24 hashes of /48s, in which some
 * source is listed: the tables are slow, and nearly nobody is in them. Behind
 * these stands one bit for every 16 of them: so few stay in the CPU's cache
 * when sources are random. A third set of bits
 * says where a listed prefix is narrower than the bit, so that the others need
 * not be looked for. */
#define LISTED_BITS (1 << 24)
#define LISTED_BY 16
#define LISTED_NARROW (LISTED_BITS + LISTED_BITS / LISTED_BY)
#define LISTED_WORDS ((LISTED_NARROW + LISTED_BITS) / 64)
ARRAY(listed4, __u64, LISTED_WORDS, ARRAY);
ARRAY(listed6, __u64, LISTED_WORDS, ARRAY);
/* For each length that a list has, its table is asked once: that costs a fifth of
 * a trie with 100,000 prefixes. */
ARRAY(list_lengths, struct lengths, LIST_COUNT, ARRAY);
TABLE(allow4, struct key4, struct listed, 2048, HASH, 0);
TABLE(allow6, struct key6, struct listed, 2048, HASH, 0);
TABLE(deny4, struct key4, struct listed, 131072, HASH, 0);
TABLE(deny6, struct key6, struct listed, 131072, HASH, 0);

ARRAY(reflectors, __u64, 65536 / 64, ARRAY); /* UDP source ports */

#define CELLS 16384
ARRAY(budgets, struct bucket, CELLS, PERCPU_ARRAY);
ARRAY(crowd, struct bucket, CELLS, PERCPU_ARRAY);
ARRAY(proven, struct proven_set, PROVEN_SETS, ARRAY);
ARRAY(proven_tags, struct tags, PROVEN_SETS, ARRAY);
ARRAY(probes, __u32, 1024, ARRAY); /* when a listener was last sent a SYN, by port */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} samples SEC(".maps");

static __always_inline struct config *configured(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&settings, &first);
}

static __always_inline struct policy *policy_of(__u32 bank, __u32 id)
{
	__u32 i = (bank & 1) * MAX_POLICIES + id;

	return bpf_map_lookup_elem(&policies, &i);
}

/* Keeps these in what Go reads. */
const enum reason *reasons __attribute__((unused));
const enum mode *modes __attribute__((unused));
const enum budget *budget_kinds __attribute__((unused));
const enum list *list_kinds __attribute__((unused));
const struct sample *sample_kind __attribute__((unused));
