"""What others than root can write is read without a link, without an end, and without depth."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.paths import COLLECTION
from tests.support.here import not_here_if
from tests.unit.board_program import Program

MODULE = COLLECTION / "plugins" / "modules" / "report_file.py"
SECRET = "root:secret"


@pytest.fixture
def report_file() -> Any:
    spec = importlib.util.spec_from_file_location("report_file", MODULE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_socket(path: Path) -> None:
    # By the folder's number: the path of a test's folder may be too long for a socket.
    folder = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def a_secret(path: Path) -> Path:
    secret = path.with_name("shadow")
    secret.write_text(json.dumps({"secret": SECRET}))
    return secret


HOSTILE: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to(a_secret(path)),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to what has no end": lambda path: path.symlink_to("/dev/zero"),
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": a_socket,
    "huge": lambda path: (path.touch(), os.truncate(path, 1 << 40))[0],  # type: ignore[func-returns-value]
    "deep lists": lambda path: path.write_text("[" * 200_000),
    "deep objects": lambda path: path.write_text('{"a":' * 60 + "1" + "}" * 60),
    "a number without an end": lambda path: path.write_text('{"a": ' + "9" * 1_000_000 + "}"),
    "NaN": lambda path: path.write_text('{"a": NaN}'),
    "infinite": lambda path: path.write_text('{"a": -1e999}'),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "empty": lambda path: path.write_text(""),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(
    program: Program, report_file: Any, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "verify.json"
    make(path)
    with pytest.raises(program.errors.IntegrityError) as refused:
        program.disk.read_json(path)
    assert SECRET not in str(refused.value)
    with pytest.raises((OSError, ValueError)):
        report_file.read(str(path), 1 << 20)


def test_a_long_number_takes_no_time(program: Program, report_file: Any, tmp_path: Path) -> None:
    """Pythons of boards have no limit of their own."""
    before = sys.get_int_max_str_digits()
    path = tmp_path / "verify.json"
    HOSTILE["a number without an end"](path)
    began = time.monotonic()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(program.errors.IntegrityError, match="1000000 digits"):
            program.disk.read_json(path)
        with pytest.raises(ValueError, match="1000000 digits"):
            report_file.read(str(path), 1 << 20)
    finally:
        sys.set_int_max_str_digits(before)
    assert time.monotonic() - began < 1


def test_a_report_that_has_a_name_twice_is_none(report_file: Any, tmp_path: Path) -> None:
    (tmp_path / "verify.json").write_text('{"as_expected": false, "as_expected": true}')
    with pytest.raises(ValueError, match="a name twice"):
        report_file.read(str(tmp_path / "verify.json"), 100)


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": ["x\\uDFFF"]}', '{"\\udbff": 1}'])
def test_a_report_with_half_a_character_is_none(
    report_file: Any, tmp_path: Path, text: str
) -> None:
    (tmp_path / "verify.json").write_text(text)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        report_file.read(str(tmp_path / "verify.json"), 100)
    (tmp_path / "verify.json").write_text(r'{"a": "\ud83d\ude00 \\ud800"}')
    assert report_file.read(str(tmp_path / "verify.json"), 100)["a"].startswith("😀")


def test_a_report_is_read(program: Program, report_file: Any, tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    body = {"tasks": [{"a": {"b": [1.5, "x"]}}] * 1000}
    path.write_text(json.dumps(body))
    assert report_file.read(str(path), 1 << 20) == body
    assert program.disk.read_json(path) == body
    with pytest.raises(ValueError, match="more than 100 bytes"):
        report_file.read(str(path), 100)


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_whatever_the_application_leaves_as_its_hold_holds(
    program: Program, make: Callable[[Path], object]
) -> None:
    program.disk.HOLD.parent.mkdir(parents=True)
    assert program.change.held() == ""
    make(program.disk.HOLD)
    held = program.change.held()
    assert held
    assert SECRET not in held
    assert len(held) <= 200


def test_folders_of_the_container_stay_small(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    (folder / "inner").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.write_bytes(bytes(100_000))
    for number in range(10):
        path = folder / ("inner" if number % 2 else ".") / f"f{number}"
        path.write_bytes(bytes(100_000))
        os.utime(path, (1000 + number, 1000 + number))
    (folder / "way").symlink_to(tmp_path)
    (folder / "link").symlink_to(outside)
    result = program.bounds.trim({str(folder): 350_000, str(tmp_path / "none"): 1})
    assert result["failed"] == []
    assert sorted(path.name for path in folder.rglob("f*")) == ["f7", "f8", "f9"]
    assert outside.stat().st_size == 100_000
    # Below its limit nothing goes.
    program.bounds.trim({str(folder): 350_000})
    assert len(list(folder.rglob("f*"))) == 3


@not_here_if(os.geteuid() != 0, "only root can become another user")
def test_what_the_folders_owner_may_not_remove_stays(program: Program) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "own").mkdir()
        (place / "own" / "of-root").mkdir()
        (place / "own" / "of-root" / "f").write_bytes(bytes(100_000))
        (place / "own" / "f").write_bytes(bytes(100_000))
        os.chown(place / "own", 12345, 12345)
        assert program.bounds.trim({str(place / "own"): 1}) == {"changed": False, "failed": [
            str(place / "own")]}  # fmt: skip
        assert (place / "own" / "of-root" / "f").exists()
        assert not (place / "own" / "f").exists()
