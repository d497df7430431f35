// The compiler accepts functions without a body, as in core.go, only beside a file in assembly.
