"""The kernel: one thin, typed layer of system calls and netlink."""
