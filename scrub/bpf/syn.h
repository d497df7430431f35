/* SYNs above the budget are answered here: with a SYN cookie for this host, with SYN
 * authentication for the data centre. */
#pragma once

#include "answer.h"
#include "siphash.h"

/* TCP options (RFC 9293, RFC 7323, RFC 2018). */
enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_TIMESTAMP = 8 };

#define NO_WSCALE 15

struct syn_options {
	__u32 timestamp; /* the client's, in network byte order */
	__u8 wscale;
	bool sack, timestamps;
};

#define MAX_TCP 60

/* A TCP header, with room for an option that claims to go on behind it. */
struct tcp_copy {
	__u8 bytes[MAX_TCP + 20];
	__u32 size;
};

/* The SYN of every stack has fewer options, including NOPs. */
#define MAX_OPTIONS 12

/* read_syn_options parses the options of a SYN. */
STAGE int read_syn_options(struct tcp_copy *syn, struct syn_options *w)
{
	__u64 at = sizeof(struct tcphdr);

	if (!syn || !w)
		return 0;
	w->wscale = NO_WSCALE;
	for (int i = 0; i < MAX_OPTIONS && at < syn->size; i++) {
		__u8 *option, len;

		at = opaque(at & 63);
		option = syn->bytes + at;
		if (option[0] == OPT_END)
			break;
		len = option[0] == OPT_NOP ? 1 : option[1];
		if (!len || at + len > syn->size)
			break;
		if (option[0] == OPT_WSCALE && len == 3)
			w->wscale = option[2] < 14 ? option[2] : 14;
		if (option[0] == OPT_SACK_OK && len == 2)
			w->sack = true;
		if (option[0] == OPT_TIMESTAMP && len == 10) {
			w->timestamps = true;
			__builtin_memcpy(&w->timestamp, option + 2, 4);
		}
		at += len;
	}
	return 0;
}

struct synack {
	struct tcphdr tcp;
	__be32 mss;
	__be32 sack_and_kind; /* SACK permitted or two NOPs, then kind and length of the timestamps */
	__be32 tsval, tsecr;
	__be32 wscale; /* NOP and window scale, or four NOPs */
};

/* The kernel's own stack encodes the options for which a cookie has no room in the
 * lowest bits of the timestamp, and decodes them when the client echoes it. */
#define TS_BITS 6
#define TS_SACK 16

/* tsval is the host's clock in milliseconds, lowered to a value with these bits: it
 * must not be ahead of what the host will send. */
static __always_inline __u32 tsval(const struct syn_options *w, __u64 now)
{
	__u64 ms = now / 1000000, ts;

	ts = (ms >> TS_BITS << TS_BITS) | w->wscale | (w->sack ? TS_SACK : 0);
	return ts > ms ? ts - (1 << TS_BITS) : ts;
}

static __always_inline void write_options(struct synack *a, const struct syn_options *w, const struct config *c, bool v6)
{
	a->mss = bpf_htonl(OPT_MSS << 24 | 4 << 16 | (v6 ? c->mss6 : c->mss4));
	a->sack_and_kind = bpf_htonl((w->sack ? OPT_SACK_OK << 24 | 2 << 16 : OPT_NOP << 24 | OPT_NOP << 16) |
				     OPT_TIMESTAMP << 8 | 10);
	a->tsval = bpf_htonl(tsval(w, bpf_ktime_get_coarse_ns()));
	a->tsecr = w->timestamp;
	if (w->wscale != NO_WSCALE)
		a->wscale = bpf_htonl(OPT_NOP << 24 | OPT_WSCALE << 16 | 3 << 8 | c->wscale);
	else
		a->wscale = bpf_htonl(OPT_NOP << 24 | OPT_NOP << 16 | OPT_NOP << 8 | OPT_NOP);
}

/* begin_answer writes the header of an answer to a SYN. */
static __always_inline void begin_answer(struct tcphdr *t, const struct packet *p, __u32 size, __u32 seq, __u32 ack)
{
	t->source = bpf_htons(p->dport);
	t->dest = bpf_htons(p->sport);
	t->seq = bpf_htonl(seq);
	t->ack_seq = ack;
	t->doff = size / 4;
	t->syn = 1;
	t->ack = 1;
	t->window = bpf_htons(64240);
}

/* generate_cookie asks the kernel for a cookie that its own stack will accept. */
static __always_inline __s64 generate_cookie(struct xdp_md *ctx, const struct packet *p, struct tcphdr *syn, __u64 size)
{
	void *ip = (void *)(long)ctx->data + (p->l3 & 31), *end = (void *)(long)ctx->data_end;

	if (p->v6) {
		if (ip + sizeof(struct ipv6hdr) > end)
			return -1;
		return bpf_tcp_raw_gen_syncookie_ipv6(ip, syn, size);
	}
	if (ip + sizeof(struct iphdr) > end)
		return -1;
	return bpf_tcp_raw_gen_syncookie_ipv4(ip, syn, size);
}

/* answer_cookie answers a SYN with a cookie. Without timestamps the connection has
 * neither window scaling nor SACK. */
STAGE int answer_cookie(struct xdp_md *ctx, struct packet *p)
{
	const struct config *c = configured();
	struct tcp_copy syn = {};
	struct synack answer = {};
	struct syn_options w = {};
	__u64 size;
	__s64 cookie;

	if (!p || !c)
		return false;
	size = opaque(p->header);
	if (size > MAX_TCP)
		return false;
	size = opaque(size);
	if (size < sizeof(struct tcphdr) || bpf_xdp_load_bytes(ctx, p->l4, syn.bytes, size))
		return false;
	cookie = generate_cookie(ctx, p, (struct tcphdr *)syn.bytes, size);
	if (cookie < 0)
		return false;
	syn.size = size;
	read_syn_options(&syn, &w);
	write_options(&answer, &w, c, p->v6);
	if (w.timestamps) {
		begin_answer(&answer.tcp, p, sizeof(answer), cookie, bpf_htonl(bpf_ntohl(p->seq) + 1));
		return send_back(ctx, p, &answer, sizeof(answer), 16, IPPROTO_TCP);
	}
	begin_answer(&answer.tcp, p, 24, cookie, bpf_htonl(bpf_ntohl(p->seq) + 1));
	return send_back(ctx, p, &answer, 24, 16, IPPROTO_TCP);
}

/* An epoch is 2^36 ns, about 69 s. */
static __always_inline __u32 this_epoch(void) { return bpf_ktime_get_coarse_ns() >> 36; }

/* auth_seq is the sequence number that the RST of the true owner of an address
 * carries. */
static __always_inline __u32 auth_seq(const struct config *c, const struct packet *p, __u32 epoch)
{
	__u64 words[3] = {
		p->source ^ (__u64)p->src[2] << 32 ^ p->src[3],
		destination_of(p, false),
		(__u64)epoch << 32 | (__u32)p->sport << 16 | p->dport,
	};

	return siphash(c->key, words);
}

/* answer_auth answers a SYN with a wrong acknowledgement number: a host that receives
 * it sends a RST with that number (RFC 9293, 3.10.7.3), and then its SYN again. */
STAGE int answer_auth(struct xdp_md *ctx, struct packet *p)
{
	const struct config *c = configured();
	struct tcphdr answer = {};

	if (!p || !c)
		return false;
	begin_answer(&answer, p, sizeof(answer), 0, bpf_htonl(auth_seq(c, p, this_epoch())));
	return send_back(ctx, p, &answer, sizeof(answer), 16, IPPROTO_TCP);
}

/* is_auth_rst reports whether a RST answers answer_auth. */
STAGE int is_auth_rst(struct packet *p)
{
	const struct config *c = configured();
	__u32 epoch = this_epoch(), seq;

	if (!p || !c)
		return false;
	seq = bpf_ntohl(p->seq);
	return seq == auth_seq(c, p, epoch) || seq == auth_seq(c, p, epoch - 1);
}
