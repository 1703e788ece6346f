"""Compiles Python files: run natively by the Python of an image's Debian, without a library.

Arguments: a file with, for each source, its bytes behind a line with their number, and one to write
in the same way: with the compiled files, or with 0 bytes for what is no Python of this version.
"""

import _imp
import marshal
import sys
from _frozen_importlib_external import MAGIC_NUMBER

# Without references between objects, which depend on what else is in memory.
FORMAT = 2
# The file has its source's hash, and each import compares it (PEP 552): a source that was replaced
# is compiled anew, whatever its time.
CHECKED = (3).to_bytes(4, "little")


def compiled(source: bytes) -> bytes:
    """Return a compiled file; it has no file name, as each import sets the one it is read from."""
    try:
        code = compile(source, "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return b""
    head = MAGIC_NUMBER + CHECKED + _imp.source_hash(int.from_bytes(MAGIC_NUMBER, "little"), source)
    return bytes(head + marshal.dumps(code, FORMAT))


def main() -> None:
    """Read each source and write its bytecode."""
    # pathlib is not in Debian's minimal Python.
    with open(sys.argv[1], "rb") as sources, open(sys.argv[2], "wb") as out:  # noqa: PTH123
        while size := sources.readline():
            code = compiled(sources.read(int(size)))
            out.write(b"%d\n%s" % (len(code), code))


if __name__ == "__main__":
    main()
