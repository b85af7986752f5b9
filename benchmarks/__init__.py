"""Benchmarks: each runs its reference in the same run, on the same broker, and prints the ratio."""
