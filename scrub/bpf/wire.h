/* What stands in packets, beyond what the kernel's headers say of it. */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

/* The verifier looks at a STAGE once, for any packet, and not again for each
 * way that leads there. */
#define STAGE __attribute__((noinline))

struct vlan {
	__be16 tag, protocol;
};

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET 0x1fff

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
