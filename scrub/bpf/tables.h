/* Macros that declare maps, and prefixes as keys. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct key4 {
	__u32 bits;
	__u32 addr;
};

struct key6 {
	__u32 bits;
	__u32 addr[4];
};

#define ARRAY(name_, value_, size_, kind_)            \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_##kind_);   \
		__type(key, __u32);                   \
		__type(value, value_);                \
		__uint(max_entries, size_);           \
	} name_ SEC(".maps")

#define TABLE(name_, key_, value_, size_, kind_, flags_) \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_##kind_);      \
		__type(key, key_);                       \
		__type(value, value_);                   \
		__uint(max_entries, size_);              \
		__uint(map_flags, flags_);               \
	} name_ SEC(".maps")
