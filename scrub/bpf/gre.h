/* GRE without options (RFC 2784), for both ends of a tunnel. */
#pragma once

#include "wire.h"

struct gre {
	__be16 flags, protocol;
};

#define OUTER ((int)(sizeof(struct iphdr) + sizeof(struct gre)))
