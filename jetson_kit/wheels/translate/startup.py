"""The check by which MediaPipe's library refuses cores older than what it was compiled for."""

from __future__ import annotations

from jetson_kit.wheels.translate.elf import Elf, FunctionSymbol
from jetson_kit.wheels.translate.errors import UntranslatableError

CHECK = "cpu_feature_fail_fast"
# What the check calls first. Others ask it what the processor has, so it has to run.
READ_FEATURES = "__init_cpu_features"
MESSAGE = b"but this feature is not available on this processor"


def check(library: Elf) -> tuple[int, int] | None:
    """Return the addresses of the check and of what has to run in its place; None without a check.

    Raises UntranslatableError for a check of another form.
    """
    checks = [function for function in library.functions if CHECK in function.name]
    if not checks and MESSAGE not in library.data:
        return None
    if len(checks) != 1:
        raise UntranslatableError(f"it has {len(checks)} functions {CHECK}, not one")
    readers = [function for function in library.functions if function.name == READ_FEATURES]
    if len(readers) != 1:
        raise UntranslatableError(f"it has {len(readers)} functions {READ_FEATURES}, not one")
    if not _calls(library, checks[0], readers[0].start):
        raise UntranslatableError(f"its {CHECK} does not call {READ_FEATURES}")
    return checks[0].start, readers[0].start


def _calls(library: Elf, function: FunctionSymbol, target: int) -> bool:
    at = library.offset_of(function.start)
    for index in range(0, function.size & ~3, 4):
        word = int.from_bytes(library.data[at + index : at + index + 4], "little")
        distance = (word & 0x3FFFFFF ^ 0x2000000) - 0x2000000
        if word >> 26 == 0b100101 and function.start + index + 4 * distance == target:
            return True
    return False
