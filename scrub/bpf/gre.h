/* GRE (RFC 2784), and its key (RFC 2890), for both ends of a tunnel. */
#pragma once

#include "tables.h"
#include "wire.h"

struct gre {
	__be16 flags, protocol;
};

#define OUTER ((int)(sizeof(struct iphdr) + sizeof(struct gre)))
#define GRE_HAS_KEY 0x2000

/* remove_outer removes this many bytes of outer headers: it moves the Ethernet header
 * and VLAN tags in front of the inner packet. */
static __always_inline bool remove_outer(struct xdp_md *ctx, __u16 l3, int outer, __be16 protocol)
{
	__u8 head[sizeof(struct ethhdr) + MAX_TAGS * sizeof(struct vlan)];
	__u64 size = opaque(l3);

	if (size < sizeof(struct ethhdr) || size > sizeof(head))
		return false;
	if (bpf_xdp_load_bytes(ctx, 0, head, size))
		return false;
	__builtin_memcpy(head + size - sizeof(protocol), &protocol, sizeof(protocol));
	if (bpf_xdp_adjust_head(ctx, outer))
		return false;
	return !bpf_xdp_store_bytes(ctx, 0, head, size);
}
