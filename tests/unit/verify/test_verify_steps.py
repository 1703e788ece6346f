"""`verify -i` says what it is at: a line for each part of the suite, whatever reads its output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.service.expectation import Expectation
from jetson_kit.verify import fleet, host_results, sudo
from jetson_kit.verify.fleet import Options
from jetson_kit.verify.host_results import HostResult

FILES = ("test_1_host.py", "test_3_inference.py")


@pytest.fixture
def suite(tmp_path: Path) -> list[str]:
    """Return the command of a suite in two files, of two tests each."""
    for name in FILES:
        (tmp_path / name).write_text("def test_a(): ...\n\n\ndef test_b():\n    print('x')\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return [*command, "-p", "tests.device.conftest", "--hosts=local://", str(tmp_path)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_each_part_is_named_when_it_begins(suite: list[str]) -> None:
    steps: list[str] = []
    code, output = fleet.attended(suite, environment(), steps.append, 60)
    assert code == 0, output
    assert steps == ["host", "inference"]
    assert "4 passed" in output


def test_a_suite_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    command = [sys.executable, "-c", "import time; print('step: host', flush=True); time.sleep(60)"]
    steps: list[str] = []
    ended = fleet.attended(command, environment(), steps.append, 1)
    assert ended == (124, "no answer within 1 s")
    assert steps == ["host"]
    assert time.monotonic() - begun < 30


def test_what_does_not_begin_says_why() -> None:
    command = [sys.executable, "-c", "import sys; print('x'); sys.exit('no plugin')"]
    plain = {name: text for name, text in environment().items() if name != "PYTHONUNBUFFERED"}
    code, output = fleet.attended(command, plain, lambda _: None, 60)
    assert (code, output.split()[-2:]) == (1, ["no", "plugin"])


@pytest.mark.parametrize("boards", [1, 8, 9])
def test_many_boards_have_a_line_each(
    boards: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts.yml"
    rows = ", ".join(f"b{number}: {{ansible_host: 127.0.0.1}}" for number in range(boards))
    hosts.write_text(f"all: {{hosts: {{{rows}}}}}")

    @contextmanager
    def connection(*_: object) -> Iterator[str]:
        yield ""

    def suite(*arguments: Any) -> tuple[int, str]:
        *_, step, _ = arguments
        step("inference")
        return 0, ""

    def read(host: str, expected: Expectation, *_: Any) -> HostResult:
        return HostResult(host, expected.verdict, True, "gpu", seconds=1.0)

    monkeypatch.setattr(fleet, "reach", lambda _: None)
    monkeypatch.setattr(sudo, "way", lambda *_: sudo.OWN)
    monkeypatch.setattr(fleet, "_one_connection", connection)
    monkeypatch.setattr(fleet, "_pytest", suite)
    monkeypatch.setattr(host_results, "read", read)
    lines: list[str] = []
    fleet.run(hosts, Options(), folder=tmp_path / "reports", say=lines.append)
    counted = "1 host" if boards == 1 else f"{boards} hosts"
    assert lines[0].strip() == f"verifying {counted}, at most 8 at a time"
    finished = [line for line in lines if line.endswith(": gpu (took 1.0 s)")]
    steps = [line for line in lines if line.endswith(": inference")]
    assert (len(finished), len(steps)) == (boards, boards if boards <= 8 else 0)
    assert len(lines) == 1 + len(finished) + len(steps)
