"""Static translation of AArch64 libraries for cores older than the ones they were compiled for.

An instruction that the older core lacks becomes one that it has, in place, or a branch to a short
sequence in a new segment that does the same and branches back. No other byte of code changes.
"""
