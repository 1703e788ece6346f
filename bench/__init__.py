"""Benchmarks: they measure the kit from outside, and write their results here."""
