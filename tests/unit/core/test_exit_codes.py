"""docs/exit-codes.md against the codes that the programs have."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

from mediapipe_jetson import exit_codes

from jetson_kit.core import errors
from jetson_kit.core.paths import COLLECTION, ROOT
from jetson_kit.emulation import attached
from jetson_kit.fleet.rollout import steps

CELL = r" (yes)? ?\|"
ROW = re.compile(rf"\| (\d+) \| ([\w ]+) \| .+ \|{CELL * 4}")
PAGE = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
ROWS = {int(row[1]): row for line in PAGE.splitlines() if (row := ROW.fullmatch(line))}
BOARD = COLLECTION / "roles" / "image" / "files" / "mediapipe_image" / "errors.py"


def of_the_board() -> ModuleType:
    spec = importlib.util.spec_from_file_location("board_errors", BOARD)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


board_errors = of_the_board()


def codes(module: object, base: type) -> set[int]:
    """Return the exit codes of a module's typed errors."""
    kinds = [item for item in vars(module).values() if isinstance(item, type)]
    return {kind.exit_code for kind in kinds if issubclass(kind, base)}  # type: ignore[attr-defined]


def listed(column: int) -> set[int]:
    return {code for code, row in ROWS.items() if row[column]}


def test_the_page_has_each_code_once() -> None:
    numbers = [int(item) for item in re.findall(r"^\| (\d+) \|", PAGE, re.M)]
    assert numbers == sorted(set(numbers)) == list(ROWS)


def test_of_the_front_door() -> None:
    own = codes(errors, errors.KitError) | {0, attached.TIMED_OUT}
    assert listed(3) == own
    assert steps.InterruptedRolloutError.exit_code == 130


def test_of_the_image() -> None:
    own = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert listed(4) == own - {exit_codes.SIGNAL}
    assert exit_codes.SIGNAL == 128


def test_of_the_board() -> None:
    assert listed(5) == codes(board_errors, board_errors.ImageError) | {0}


def test_a_name_means_the_same_everywhere() -> None:
    both = {
        "NEGATIVE": errors.CheckFailedError,
        "BAD_INPUT": errors.BadInputError,
        "MISSING": errors.ToolMissingError,
        "INTEGRITY": errors.IntegrityError,
        "DISK_FULL": errors.DiskFullError,
        "FAILED": errors.StepFailedError,
        "BROKEN": errors.BrokenError,
        "INTERNAL": errors.InternalError,
    }
    for name, kind in both.items():
        assert getattr(exit_codes, name) == kind.exit_code
    for kind in (board_errors.BadInputError, board_errors.ToolMissingError,
                 board_errors.IntegrityError, board_errors.StepFailedError):  # fmt: skip
        assert kind.exit_code == getattr(errors, kind.__name__).exit_code
    assert board_errors.FullError.exit_code == errors.DiskFullError.exit_code
    assert board_errors.UnhealthyError.exit_code == errors.CheckFailedError.exit_code


def test_the_shell_has_them_too() -> None:
    text = (ROOT / "ci" / "say.sh").read_text(encoding="utf-8")
    result = dict(re.findall(r"([A-Z_]+)=(\d+)", text))
    assert result == {"TOOL_MISSING": "3", "NETWORK": "4", "DISK_FULL": "6", "STEP_FAILED": "7"}
