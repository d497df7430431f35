/* GRE without options (RFC 2784), as both ends of a tunnel have it. */
#pragma once

#include "wire.h"

struct gre {
	__be16 flags, protocol;
};

#define OUTER ((int)(sizeof(struct iphdr) + sizeof(struct gre)))
