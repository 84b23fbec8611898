"""Benchmarks: us and our peers in one run, on one disk, with ratios. ``python3 -m tests bench [-- CASE …]``."""
