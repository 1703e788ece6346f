"""Translate a library: each instruction that the core lacks, in place or by a trampoline."""

from __future__ import annotations

import functools
import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.wheels.translate import (
    atomics,
    dot,
    elf,
    elf_segment,
    half,
    half_scalar,
    sequences,
    startup,
    table,
)
from jetson_kit.wheels.translate.asm import branch, encode
from jetson_kit.wheels.translate.elf import Elf, FunctionSymbol, Section
from jetson_kit.wheels.translate.errors import UntranslatableError
from jetson_kit.wheels.translate.exceptions import exemption
from jetson_kit.wheels.translate.liveness import GENERAL_SCRATCH, VECTOR_SCRATCH, Function
from jetson_kit.wheels.translate.scratch import NoScratchError, Scratch
from jetson_kit.wheels.translate.table import Core, Row
from jetson_kit.wheels.translate.words import Finder

SEGMENT = ".text.translated"
Lower = Callable[[int, Scratch], list[int]]


@dataclass(frozen=True)
class Site:
    """An instruction that the core lacks."""

    address: int
    word: int
    row: Row
    function: str
    """The function's symbol, "" where none holds it."""


@dataclass(frozen=True)
class Trampoline:
    """A site that branches out, and the sequence in its place."""

    site: Site
    address: int
    words: tuple[int, ...]
    """Without the branch back behind them."""
    saved: int
    """Registers that it saves on the stack."""


@dataclass(frozen=True)
class Translation:
    """A translated library."""

    data: bytes
    core: Core
    in_place: tuple[Site, ...]
    trampolines: tuple[Trampoline, ...]
    excepted: tuple[Site, ...]
    """Left as they are, in functions that are chosen at run time."""
    data_words: tuple[int, ...]
    """Addresses of data among code that looks like instructions that the core lacks."""
    growth: int
    """Bytes more than the library had."""

    def kinds(self) -> dict[str, int]:
        """Return how many sites of each kind were translated."""
        sites = (*self.in_place, *(trampoline.site for trampoline in self.trampolines))
        return dict(sorted(Counter(site.row.name for site in sites).items()))


@functools.cache
def lowerings() -> dict[str, Lower]:
    """Return what makes the sequence for each `lower` of beyond.toml, but for those in place."""
    result: dict[str, Lower] = {
        name: functools.partial(_fetch, name)
        for name in ("add", "bic", "eor", "orr", "smax", "smin", "umax", "umin", "swp")
    }
    result |= {
        "cas": atomics.compare_and_swap,
        "casp": atomics.compare_and_swap_pair,
        "dot": dot.by_vector,
        "dot_element": dot.by_element,
        "half_three_same": half.three_same,
        "half_scalar_three_same": half.scalar_three_same,
        "half_two_misc": half.two_misc,
        "half_scalar_two_misc": half.scalar_two_misc,
        "half_across": half.across,
        "half_by_element": half.by_element,
        "half_vector_immediate": half_scalar.vector_immediate,
        "half_two_sources": half_scalar.two_sources,
        "half_move": half_scalar.move,
        "half_absolute_or_negative": half_scalar.absolute_or_negative,
        "half_round_or_root": half_scalar.round_or_root,
        "half_compare": half_scalar.compare,
        "half_select": half_scalar.select,
        "half_immediate": half_scalar.immediate,
        "half_from_integer": half_scalar.from_integer,
        "half_to_integer": half_scalar.to_integer,
        "half_to_general": half_scalar.to_general,
        "half_from_general": half_scalar.from_general,
        "half_fused": half_scalar.fused,
    }
    return result


def _fetch(operation: str, word: int, scratch: Scratch) -> list[int]:
    return atomics.fetch(word, operation, scratch)


def find_unsupported(library: Elf, target: Core) -> Iterator[tuple[Section, int, int, Row]]:
    """Yield (section, address, word, row) of what a core lacks in code sections, data included."""
    rows = table.rows()
    # A word belongs to the first row that it fits, so that all of them are looked for.
    finder = Finder(row.pattern for row in rows)
    for section in library.code_sections:
        words = library.words(section)
        for index, number in finder.find(words):
            if rows[number].feature not in target.features:
                yield section, section.address + 4 * index, words[index], rows[number]


def sites(library: Elf, target: Core) -> Iterator[Site]:
    """Yield the instructions that a core lacks, by section and address; data is left out."""
    for section, address, word, row in find_unsupported(library, target):
        if library.is_code(section, address):
            yield _site(library, address, word, row)


def _site(library: Elf, address: int, word: int, row: Row) -> Site:
    function = library.function_at(address)
    return Site(address, word, row, function.name if function else "")


def translate(data: bytes, target: Core) -> Translation:
    """Return a library for a core. The same library gives the same bytes.

    Raises UntranslatableError for what is not understood, before anything is written.
    """
    library = elf.read(data)
    if library.section(SEGMENT):
        raise UntranslatableError("it is translated already", elf.FROM_OFFICIAL)
    every: list[Site] = []
    data_words: list[int] = []
    for section, address, word, row in find_unsupported(library, target):
        if library.is_code(section, address):
            every.append(_site(library, address, word, row))
        else:
            data_words.append(address)
    excepted = tuple(item for item in every if exemption(item.function, item.row.feature))
    left = set(excepted)
    todo = tuple(item for item in every if item not in left)
    _refuse_unknown(todo)
    in_place = tuple(item for item in todo if item.row.lower == "ldapr")
    outside = tuple(item for item in todo if item.row.lower != "ldapr")
    _refuse_inside(library, outside)
    image = bytearray(data)

    def patch(address: int, word: int) -> None:
        at = library.offset_of(address)
        image[at : at + 4] = word.to_bytes(4, "little")

    for site in in_place:
        patch(site.address, load_acquire(site.word))
    base = elf_segment.next_address(library)
    trampolines = []
    code: list[int] = []
    functions = _Functions(library)
    for site in outside:
        address = base + 4 * len(code)
        trampoline = _trampoline(functions.free(site), site, address)
        trampolines.append(trampoline)
        code += trampoline.words
        code.append(branch(base + 4 * len(code), site.address + 4))
        patch(site.address, branch(site.address, address))
    if start := startup.check(library):
        patch(start[0], branch(*start))
    patched = replace(library, data=bytes(image))
    packed = struct.pack(f"<{len(code)}I", *code)
    done = elf_segment.with_segment(patched, packed, base, SEGMENT)
    return Translation(
        done,
        target,
        in_place,
        tuple(trampolines),
        excepted,
        tuple(data_words),
        len(done) - len(data),
    )


@functools.cache
def fingerprint() -> str:
    """Return one hash over the translator's code and tables."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.[pt]*")):
        if path.suffix in (".py", ".toml"):
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def load_acquire(word: int) -> int:
    """Return LDAR for LDAPR: stronger, of the same size."""
    return encode("ldar", size=word >> 30, rn=word >> 5 & 31, rt=word & 31)


def sequence(word: int, row: Row, free: int) -> tuple[list[int], Scratch]:
    """Return what replaces an instruction, given the registers that hold nothing after it.

    The second value tells which it overwrites and which it saves. Raises NoScratchError.
    """
    scratch = Scratch(free, 0, _uses_stack_pointer(word, row))
    body = lowerings()[row.lower](word, scratch)
    return scratch.wrapped(body), scratch


def _trampoline(free: int, site: Site, address: int) -> Trampoline:
    try:
        words, scratch = sequence(site.word, site.row, free)
    except NoScratchError as error:
        raise UntranslatableError(
            f"its {site.row.name} at {site.address:#x} uses SP and has no free registers"
        ) from error
    return Trampoline(site, address, tuple(words), scratch.saves)


class _Functions:
    """The functions of a library, the last one kept: sites come in their order."""

    def __init__(self, library: Elf) -> None:
        self._library = library
        self._last: tuple[FunctionSymbol | None, Function] = (None, Function(0, b""))

    def free(self, site: Site) -> int:
        """Return the registers that hold nothing behind an instruction, of the kind it uses."""
        symbol = self._library.function_at(site.address)
        if symbol is None:
            return 0
        if symbol != self._last[0]:
            at = self._library.offset_of(symbol.start)
            code = memoryview(self._library.data)[at : at + symbol.size]
            self._last = symbol, Function(symbol.start, code)
        among = GENERAL_SCRATCH if site.row.feature == "atomics" else VECTOR_SCRATCH
        return self._last[1].free(site.address, among)


def _uses_stack_pointer(word: int, row: Row) -> bool:
    return row.feature == "atomics" and word >> 5 & 31 == 31


def _refuse_unknown(todo: tuple[Site, ...]) -> None:
    unknown = [site for site in todo if not site.row.lower]
    if unknown:
        kinds = ", ".join(dict.fromkeys(site.row.name for site in unknown))
        first = unknown[0]
        raise UntranslatableError(
            f"it has {len(unknown)} instructions that nothing here replaces ({kinds}), the first "
            f"{first.word:#010x} at {first.address:#x} in {first.function or 'no function'}",
            "use a version of MediaPipe that the kit pins for this core",
        )


def _refuse_inside(library: Elf, outside: tuple[Site, ...]) -> None:
    """Refuse a site that would branch out of what must not be left."""
    for what, ranges in (
        ("a restartable sequence", sequences.restartable(library)),
        ("an exclusive pair", sequences.exclusive(library)),
    ):
        for site in outside:
            if ranges.hold(site.address):
                raise UntranslatableError(f"its {site.row.name} at {site.address:#x} is in {what}")
