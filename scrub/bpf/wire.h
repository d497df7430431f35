/* Packet formats that the kernel's headers do not declare. */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

/* The verifier checks a STAGE once, for any packet, and not again for each path that
 * leads to it. */
#define STAGE __attribute__((noinline))

/* opaque hides from the compiler where a number comes from, so that it does not
 * merge two bounds checks into one that the verifier does not understand. */
static __always_inline __u64 opaque(__u64 n)
{
	asm volatile("" : "+r"(n));
	return n;
}

#define MAX_TAGS 2 /* VLAN tags of a frame */

struct vlan {
	__be16 tag, protocol;
};

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET 0x1fff

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
