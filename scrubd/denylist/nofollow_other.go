//go:build !unix

package denylist

const noFollow = 0
