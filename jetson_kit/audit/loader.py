"""Loads native libraries, one after another, inside an emulated aarch64 process.

It runs under that system's own Python (3.9 or later) with nothing but the standard library.
Arguments: the AT_HWCAP bits to show ("-" for the CPU's own), then the libraries.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

AT_HWCAP = 16
PAGE = 4096
READ_WRITE = 3


def show_hwcap(bits: int) -> None:
    """Let getauxval(AT_HWCAP) answer no more than `bits`: glibc keeps its copy in ld.so."""
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    libc.getauxval.argtypes = [ctypes.c_ulong]
    libc.dlsym.restype = ctypes.c_void_p
    libc.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    have = libc.getauxval(AT_HWCAP)
    where = libc.dlsym(None, b"_rtld_global_ro")
    for offset in range(0, 1024, 8):
        word = ctypes.c_ulong.from_address(where + offset)
        if word.value == have:
            page = (where + offset) // PAGE * PAGE
            libc.mprotect(page, 2 * PAGE, READ_WRITE)
            word.value = have & bits
            break
    if libc.getauxval(AT_HWCAP) != have & bits:
        print("NOMASK", flush=True)
        sys.exit(3)


def main() -> None:
    """Print LOAD, then OK or ERR for each library."""
    bits, *libraries = sys.argv[1:]
    if bits != "-":
        show_hwcap(int(bits, 16))
    print(f"PID {os.getpid()}", flush=True)
    for library in libraries:
        print(f"LOAD {library}", flush=True)
        try:
            ctypes.CDLL(library, mode=os.RTLD_LAZY | os.RTLD_LOCAL)
        except OSError as error:
            print(f"ERR {str(error).replace(str(Path(library).parent), '')}", flush=True)
        else:
            print("OK", flush=True)
    # Destructors of half-used libraries prove nothing about the CPU.
    os._exit(0)


main()
