"""Loads the library of threads.c inside an emulated process; ends with 0 where all is right.

Arguments: the library, how many threads, how many rounds.
"""

from __future__ import annotations

import ctypes
import os
import sys

library, threads, rounds = sys.argv[1:]
ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)
loaded = ctypes.CDLL(library)
loaded.count.argtypes = [ctypes.c_long, ctypes.c_long]
wrong = loaded.count(int(threads), int(rounds))
if wrong:
    print(f"the counts of kind {wrong} are wrong", file=sys.stderr, flush=True)
    os._exit(1)
if loaded.unwind():
    print("unwinding did not clean up", file=sys.stderr, flush=True)
    os._exit(2)
os._exit(0)
