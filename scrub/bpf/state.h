/* State of scrub.c: its reasons, settings and counts. The Go types are generated
 * from these. */
#pragma once

#include "tables.h"

/* Each way out of the program, in the order of the stages. This is the only list of
 * reasons: reason.go names them. */
enum reason {
	/* To the host's own stack. */
	REASON_UNPROTECTED,	  /* not IP, or not to a protected destination */
	REASON_OFF,		  /* the destination's policy is off */
	REASON_ALLOWED,		  /* the source is on the allow list */
	REASON_SYNCOOKIE_REFRESH, /* a SYN that keeps the listener accepting cookies */
	REASON_UNCLAIMED,	  /* TCP of no connection here, which could not be handed on either */
	REASON_CLEAN,

	/* Through a tunnel to the data centre. */
	REASON_FORWARDED,

	/* To the next edge of the ring. */
	REASON_HANDED_ON, /* TCP of no connection here, while a window is open */

	/* Answered from here. */
	REASON_SYN_COOKIE, /* SYN, answered with a cookie */
	REASON_SYN_AUTH,   /* SYN, answered so that a RST verifies the source */
	REASON_TOO_BIG,	   /* does not fit into the tunnel: answered with its MTU */

	/* Dropped. */
	REASON_MALFORMED,      /* lengths, versions, TTL 0, headers cut short */
	REASON_LAND,	       /* source and destination are the same */
	REASON_FLAGS,	       /* TCP flags that no stack sends */
	REASON_DENIED,	       /* the source is on the deny list */
	REASON_BOGON,	       /* a source that no host can have, or of the destination's own network */
	REASON_OPTIONS,	       /* IP options, IPv6 extension headers */
	REASON_PROTOCOL,       /* a protocol that the policy does not list */
	REASON_UDP_REFLECTION, /* UDP from a port that reflectors have */
	REASON_PORT,	       /* a port that the policy does not list */
	REASON_FRAGMENT,
	REASON_ICMP,		   /* not an echo request, or above its budget */
	REASON_QUIC,		   /* an Initial that is too short or above its budget, an unknown version */
	REASON_SYN_DATA,	   /* SYN with a payload */
	REASON_RATE_DST,	   /* unverified packets above the budget of the destination */
	REASON_RATE_DST_NET,	   /* the same for its /24 or /64: carpet bombing */
	REASON_SYN_ACK_REFLECTION, /* unsolicited SYN-ACK */
	REASON_OUT_OF_STATE,	   /* ACK, RST or FIN without a connection */
	REASON_BAD_COOKIE,	   /* ACK to a listener without a valid SYN cookie */
	REASON_SYN_AUTH_RST,	   /* the RST that verified its source, and has no other use */
	REASON_RATE_VERIFIED,	   /* a verified source above its budget */
	REASON_RATE_UNVERIFIED,	   /* an unverified source above its budget */
	REASON_NO_ROUTE,	   /* no route to the data centre */
	REASON_COUNT,
};

/* What a policy does about a reason. */
enum mode { MODE_OFF, MODE_MONITOR, MODE_MITIGATE };

/* Token buckets. Their tick is 2^20 ns; they count in 2^-12 tokens. */
#define TICK_SHIFT 20
#define TOKEN 4096
#define TICKS_AHEAD 1024U /* by which a bucket's clock may be ahead of that of a CPU */

struct rate {
	__u32 per_tick; /* 0: no limit */
	__u32 burst;
};

struct bucket {
	__u32 level;
	__u32 tick;
};

/* Budgets of a policy. Those per destination are divided among the CPUs that receive
 * packets. */
enum budget {
	BUDGET_SYN,	     /* per destination: SYNs above it are answered here */
	BUDGET_SYN_NET,	     /* per /24 or /64 */
	BUDGET_OUT_OF_STATE, /* per destination: above it ACKs of unverified sources are checked */
	BUDGET_UNVERIFIED,   /* per destination: UDP, pings, fragments, others */
	BUDGET_UNVERIFIED_NET,
	BUDGET_ICMP,		  /* per destination: pings */
	BUDGET_ICMP_ERROR,	  /* per /24 or /64 */
	BUDGET_QUIC_INITIAL,	  /* per destination: Initials */
	BUDGET_FRAGMENT,	  /* per destination */
	BUDGET_VERIFIED_SOURCE,	  /* per verified source */
	BUDGET_UNVERIFIED_SOURCE, /* per unverified source */
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
	__u64 protocols[4]; /* a bit per IP protocol beside TCP, UDP and ICMP */
	__u8 mode[REASON_COUNT];
};

#define MAX_POLICIES 512
#define POLICY_ALL 0 /* what is judged before the destination is known */

/* The edges behind the same addresses, which hand segments on to each other. */
#define MAX_RING 8
struct ring {
	__u64 until;	  /* when the window closes, as clock() shows it; 0: it is closed */
	struct rate rate; /* of what is handed on, per CPU */
	__be32 self, next;
	__be32 peers[MAX_RING]; /* 0: none */
	__u32 hops;		/* of a segment at most */
};

struct config {
	__u64 key[2];	   /* secret of the hashes, and of SYN authentication */
	__u64 seed[2];	   /* of the tables of hosts, per bank */
	__u32 bank;	   /* which half of policies and hosts is in force */
	__u32 tick;	   /* ns per tick of the kernel */
	__u32 sample_mask; /* one packet of mask+1 per reason is a sample */
	__u16 mss4, mss6;  /* that cookies offer */
	__u8 wscale;	   /* that the host's stack would offer */
	__u8 nets4, nets6; /* whether prefixes are protected */
	__u8 wide6;	   /* whether a listed prefix is wider than a /48 */
	__u8 pad[4];
	struct ring ring;
};

struct tally {
	__u64 packets;
	__u64 bytes;
	__u64 watched; /* packets that would have left this way without monitor mode */
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
	__u32 src[4], dst[4]; /* in network byte order; IPv4 in the first word */
};

/* Two clocks of the kernel, read at the same time. */
struct times {
	__u64 ticks, ns;
};

struct name {
	char text[48];
};

ARRAY(both_clocks, struct times, 1, ARRAY);
ARRAY(names, struct name, MAX_POLICIES, ARRAY); /* of policies, for the next process */
ARRAY(settings, struct config, 1, ARRAY);
ARRAY(policies, struct policy, 2 * MAX_POLICIES, ARRAY);
ARRAY(tallies, struct tally, MAX_POLICIES * REASON_COUNT, PERCPU_ARRAY);

ARRAY(reflectors, __u64, 65536 / 64, ARRAY); /* a bit per UDP source port */

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

/* is_set reads a bit of an array of 64-bit words. */
static __always_inline bool is_set(void *bits, __u32 bit)
{
	__u32 i = bit / 64;
	__u64 *word = bpf_map_lookup_elem(bits, &i);

	return word && *word >> bit % 64 & 1;
}

/* References that keep these types in the BTF, from which Go reads them. */
const enum reason *reasons __attribute__((unused));
const enum mode *modes __attribute__((unused));
const enum budget *budget_kinds __attribute__((unused));
const struct sample *sample_kind __attribute__((unused));
