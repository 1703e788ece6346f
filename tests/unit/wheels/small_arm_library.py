"""A small AArch64 library with code, data among it, functions and what the loader needs to know."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

TEXT, RODATA, RSEQ = 0x10000, 0x8000, 0x20000
HEADER, PROGRAM, SECTION = 64, 56, 64
LDADD = 0xF8200001  # x0 is added to memory at x0; x1 gets the old value
LDADD_FREE = 0xF8220083  # ldadd x2, x3, [x4]
LDAPR = 0xF8BFC020  # ldapr x0, [x1]
RET = 0xD65F03C0
NOP = 0xD503201F
SVE = 0x04BF5820  # rdvl x0, #1
MOV_X9_1 = 0xD2800029


@dataclass
class Function:
    """A function's words; `data` words follow them, marked as data."""

    name: str
    words: Sequence[int]
    data: Sequence[int] = ()


@dataclass
class SmallLibrary:
    """What the library holds. `rseq` are (first word, words) of critical sections in .text."""

    functions: Sequence[Function]
    rseq: Sequence[tuple[int, int]] = ()
    rodata: bytes = b"nothing"
    symbols: bool = True
    marks: bool = True
    note: bool = True
    machine: int = 183
    starts: dict[str, int] = field(default_factory=dict)

    def build(self) -> bytes:
        """Return the file; `starts` has the functions' addresses then."""
        text, strings, symbols = b"", b"\0", [b"\0" * 24]

        def symbol(name: str, info: int, address: int, size: int) -> None:
            nonlocal strings
            symbols.append(struct.pack("<IBBHQQ", len(strings), info, 0, 1, address, size))
            strings += name.encode() + b"\0"

        for function in self.functions:
            start = TEXT + len(text)
            self.starts[function.name] = start
            text += struct.pack(f"<{len(function.words)}I", *function.words)
            symbol(function.name, 2, start, 4 * len(function.words))
            if self.marks:
                symbol("$x", 0, start, 0)
            if function.data:
                if self.marks:
                    symbol("$d", 0, TEXT + len(text), 0)
                text += struct.pack(f"<{len(function.data)}I", *function.data)
        rows = b"".join(
            struct.pack("<IIQQQ", 0, 0, 0, 4 * count, 0).ljust(32, b"\0") for _, count in self.rseq
        )
        relocations = b"".join(
            struct.pack("<QQq", RSEQ + 32 * number + 8, 1027, TEXT + 4 * first)
            for number, (first, _) in enumerate(self.rseq)
        )
        parts = [
            (".text", 1, 6, TEXT, text, 0, 0),
            (".rodata", 1, 2, RODATA, self.rodata, 0, 0),
            ("__rseq_cs", 1, 3, RSEQ, rows, 0, 0),
            (".rela.dyn", 4, 2, 0x30000, relocations, 0, 24),
        ]
        if self.symbols:
            parts += [
                (".symtab", 2, 0, 0, b"".join(symbols), 6, 24),
                (".strtab", 3, 0, 0, strings, 0, 0),
            ]
        return self._file(parts)

    def _file(self, parts: list[tuple[str, int, int, int, bytes, int, int]]) -> bytes:
        names = b"\0"
        image = bytearray(0x1000)
        table = [bytes(SECTION)]
        segments = []
        for name, kind, flags, address, data, link, entry in parts:
            image += bytes(-len(image) % 0x1000)
            offset = len(image)
            image += data
            if flags & 2 and data:
                segments.append((1, 5, offset, address, len(data)))
            row = (len(names), kind, flags, address, offset, len(data), link, 0, 4, entry)
            table.append(struct.pack("<IIQQQQIIQQ", *row))
            names += name.encode() + b"\0"
        offset = len(image)
        names += b".shstrtab\0"
        row = (len(names) - 10, 3, 0, 0, offset, len(names), 0, 0, 1, 0)
        table.append(struct.pack("<IIQQQQIIQQ", *row))
        image += names
        image += bytes(-len(image) % 8)
        segments.sort(key=lambda item: item[3])
        if self.note:
            segments.append((4, 4, 0, 0, 16))
        head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
            "<HHIQQQIHHHHHH", *(3, self.machine, 1, 0, HEADER, len(image), 0),
            *(HEADER, PROGRAM, len(segments), SECTION, len(table), len(table) - 1),
        )  # fmt: skip
        for kind, flags, place, address, size in segments:
            head += struct.pack(
                "<IIQQQQQQ", kind, flags, place, address, address, size, size, 0x1000
            )
        image[: len(head)] = head
        return bytes(image) + b"".join(table)
