"""How stages are run: judged by their tests, stopped, shown whole."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jetson_kit.checks import process as checks_process
from jetson_kit.checks import stages as checks
from jetson_kit.checks.stages import Stage
from jetson_kit.core import needs, stopping
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.paths import ROOT

TESTS = """
import pytest
from tests.support.here import cannot_run_here, not_here_if

@pytest.fixture
def board():
    cannot_run_here("there is no board")

def test_passes(): pass
def test_fails(): assert False
def test_needs_a_package(): pytest.skip("rsync is not installed")
def test_needs_a_board(board): pass
@not_here_if(True, "this is no Jetson")
def test_needs_a_jetson(): pass
@pytest.mark.xfail
def test_expected(): assert False
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tests that end in each way, beside the kit's own conftest."""
    path = tmp_path_factory.mktemp("stage")
    (path / "test_ends.py").write_text(TESTS)
    (path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    return path


@pytest.mark.parametrize(
    ("chosen", "workers", "problems", "passed", "elsewhere"),
    [
        ("passes", (), (), 1, []),
        ("passes", ("-n", "2"), (), 1, []),
        ("passes or fails", (), ("1 failed",), 1, []),
        ("passes or package", (), ("1 skipped: rsync is not installed",), 1, []),
        ("passes or package", ("-n", "2"), ("1 skipped: rsync is not installed",), 1, []),
        ("package", (), ("no test ran", "1 skipped: rsync is not installed"), 0, []),
        ("passes or board", (), (), 1, ["there is no board"]),
        ("passes or board", ("-n", "2"), (), 1, ["there is no board"]),
        ("board or jetson", (), ("no test ran",), 0, ["there is no board", "this is no Jetson"]),
        ("nothing_at_all", (), ("exit code 5", "no test ran"), 0, []),
        ("expected or passes", (), (), 2, []),
    ],
)
def test_a_stage_is_judged_by_its_tests(
    folder: Path,
    tmp_path: Path,
    chosen: str,
    workers: tuple[str, ...],
    problems: tuple[str, ...],
    passed: int,
    elsewhere: list[str],
) -> None:
    path = tmp_path / "results.json"
    arguments = ["-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(folder)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            *arguments,
            "-k",
            chosen,
            *workers,
        ],
        env={**os.environ, checks.RESULTS: str(path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    result = checks.judge("it", [done.returncode], path)
    assert result.problems == problems, done.stdout
    assert result.passed == passed
    assert [reason for _, reason in result.elsewhere] == elsewhere


def test_a_stage_whose_pytest_dies_has_failed(tmp_path: Path) -> None:
    result = checks.judge("it", [-9], tmp_path / "none.json")
    assert result.problems == ("pytest ended with exit code -9 and no result",)
    result = checks.judge("it", [124], tmp_path / "none.json")
    assert result.problems == ("stopped: it took too long, and left no result",)


DEAF = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def test_who_takes_no_notice_of_an_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_process, "GRACE_S", 0.5)
    up = tmp_path / "up"
    codes: list[int] = []
    command = [sys.executable, "-c", DEAF, str(up)]
    with (tmp_path / "out").open("wb") as out:
        thread = threading.Thread(
            target=lambda: codes.append(checks_process.run(command, out.fileno(), math.inf))
        )
        thread.start()
        while not up.exists():
            time.sleep(0.05)
        stopping.end()
        thread.join()
    assert codes == [-9]


HANGS = """
import pathlib, time
import pytest

@pytest.fixture
def device():
    yield
    pathlib.Path(PUT_AWAY).touch()

def test_passes():
    pathlib.Path(HANGING).with_name("passed").touch()
def test_hangs(device):
    pathlib.Path(HANGING).touch()
    time.sleep(600)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_stage_that_hangs_is_stopped_and_says_where(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    workers: tuple[str, ...],
) -> None:
    put_away, hanging = tmp_path / "put_away", tmp_path / "hanging"
    body = HANGS.replace("PUT_AWAY", repr(str(put_away))).replace("HANGING", repr(str(hanging)))

    class Late(subprocess.Popen[bytes]):
        """A process whose time is over as soon as its test hangs."""

        over = False

        def wait(self, timeout: float | None = None) -> int:
            if timeout is not None and not self.over:
                while not (hanging.exists() and hanging.with_name("passed").exists()):
                    time.sleep(0.05)
                # Until the other worker has said so.
                time.sleep(2 if workers else 0)
                self.over = True
                raise subprocess.TimeoutExpired(self.args, timeout)
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Late)
    (tmp_path / "test_hangs.py").write_text(body)
    (tmp_path / "conftest.py").write_text((folder / "conftest.py").read_text())
    stage = Stage("hangs", "all", pytest=(str(tmp_path), *workers))
    monkeypatch.setattr(checks, "stages", lambda: (stage,))
    monkeypatch.setattr(needs, "require", lambda *_, **__: None)
    monkeypatch.setattr(needs.Table, "of_stages", lambda *_: ())
    with pytest.raises(CheckFailedError, match=r"hangs \(stopped: it took too long\)"):
        checks.run(size="all", stage="hangs")
    assert "tests passed: 1, failed: 0" in capfd.readouterr().out
    assert put_away.exists()


def test_a_test_that_hangs_has_failed_and_the_next_ones_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    put_away, hanging = tmp_path / "put_away", tmp_path / "hanging"
    body = HANGS.replace("PUT_AWAY", repr(str(put_away))).replace("HANGING", repr(str(hanging)))
    (tmp_path / "test_hangs.py").write_text(body + "\ndef test_passes_too(): pass\n")
    (tmp_path / "conftest.py").write_text((folder / "conftest.py").read_text())
    monkeypatch.setattr(checks, "TEST_S", 2)
    stage = Stage("hangs", "all", pytest=(str(tmp_path),))
    monkeypatch.setattr(checks, "stages", lambda: (stage,))
    monkeypatch.setattr(needs, "require", lambda *_, **__: None)
    monkeypatch.setattr(needs.Table, "of_stages", lambda *_: ())
    with pytest.raises(CheckFailedError, match=r"hangs \(1 failed\)"):
        checks.run(size="all", stage="hangs")
    out = capfd.readouterr().out
    assert "tests passed: 2, failed: 1" in out
    assert "Timeout" in out
    assert put_away.exists()


STOPPABLE = """
import sys
from jetson_kit.checks import stages as checks; from jetson_kit.core import needs
from jetson_kit.checks.stages import Stage
from jetson_kit.command_line import signals

signals.install()
made = (Stage("hangs", "all", pytest=(sys.argv[1],)), Stage("never", "all", pytest=(sys.argv[1],)))
made += (Stage("beside", "all", pytest=(sys.argv[2],), beside=True),)
checks.stages = lambda: made
needs.require = lambda *_, **__: None
needs.Table.of_stages = lambda *_: ()
checks.run(size="all")
"""


def test_a_signal_ends_all_stages_when_their_fixtures_have_put_things_away(
    folder: Path, tmp_path: Path
) -> None:
    marks = []
    for name in ("one", "two"):
        path = tmp_path / name
        path.mkdir()
        marks.append((path / "hanging", path / "put_away"))
        body = HANGS.replace("PUT_AWAY", repr(str(marks[-1][1])))
        # Longer than a signal gives to other children.
        body = body.replace("    yield\n", "    yield\n    time.sleep(6)\n")
        (path / "test_hangs.py").write_text(body.replace("HANGING", repr(str(marks[-1][0]))))
        (path / "conftest.py").write_text((folder / "conftest.py").read_text())
    arguments = [str(tmp_path / "one"), str(tmp_path / "two")]
    with subprocess.Popen(
        [sys.executable, "-c", STOPPABLE, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        while not all(hanging.exists() for hanging, _ in marks):
            assert child.poll() is None
            time.sleep(0.05)
        child.terminate()
        out = child.communicate()[0]
    assert all(put_away.exists() for _, put_away in marks)
    assert "never begins" not in out
    assert child.returncode != 0


def test_what_is_for_other_machines_is_listed_by_reason_and_counted_apart() -> None:
    results = [
        checks.Result("a", (), 3, 0, (("a.py::x", "there is no GPU"), ("a.py::y", "no board"))),
        checks.Result("b", ("1 failed",), 2, 1, (("b.py::z", "there is no GPU"),)),
    ]
    assert checks.report(results) == [
        "not run here: no board",
        "  a.py::y",
        "not run here: there is no GPU",
        "  a.py::x",
        "  b.py::z",
        "tests passed: 5, failed: 1, not run here: 3",
    ]


def meeting_stages(folder: Path) -> tuple[str, str]:
    """Write two files of tests of which each passes only where the other has begun."""
    meeting = folder / "meeting"
    meeting.mkdir()
    for name, other in (("a", "b"), ("b", "a")):
        (folder / f"test_{name}.py").write_text(
            "import pathlib, time\n"
            "def test_it():\n"
            f"    (pathlib.Path({str(meeting)!r}) / {name!r}).touch()\n"
            f"    other = pathlib.Path({str(meeting)!r}) / {other!r}\n"
            "    for _ in range(600):\n"
            "        if other.exists():\n"
            "            return\n"
            "        time.sleep(0.1)\n"
            "    raise AssertionError\n"
        )
    (folder / "conftest.py").write_text(
        "from tests.support.results import register\n\n\n"
        "def pytest_configure(config):\n    register(config)\n"
    )
    return str(folder / "test_a.py"), str(folder / "test_b.py")


def use_stages(monkeypatch: pytest.MonkeyPatch, *stages: Stage) -> None:
    monkeypatch.setattr(checks, "stages", lambda: stages)
    monkeypatch.setattr(needs, "require", lambda *_, **__: None)
    monkeypatch.setattr(needs.Table, "of_stages", lambda *_: ())


def test_stages_beside_each_other_show_their_output_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    alone, meets = meeting_stages(tmp_path)
    (tmp_path / "test_c.py").write_text("def test_it():\n    assert False, 'wrong'\n")
    stages = (
        Stage("alone", "all", pytest=(alone,)),
        Stage("meets", "all", pytest=(meets,), beside=True),
        Stage("fails", "all", pytest=(str(tmp_path / "test_c.py"),), beside=True),
    )
    use_stages(monkeypatch, *stages)
    with pytest.raises(CheckFailedError, match=r"failed: fails \(1 failed; no test ran\)"):
        checks.run(size="all")
    out = capfd.readouterr().out
    assert "tests passed: 2, failed: 1, not run here: 0" in out
    for stage in stages:
        begin = out.index(f"--- {stage.name}\n")
        end = re.compile(rf"^--- {stage.name} \d+ s$", re.MULTILINE).search(out, begin)
        assert end
        assert out[begin : end.start()].count("--- ") == 1


def test_quick_stages_have_others_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    quick, other = meeting_stages(tmp_path)
    use_stages(
        monkeypatch,
        Stage("quick", "quick", pytest=(quick,)),
        Stage("other", "all", pytest=(other,), beside=True),
    )
    checks.run(size="all")
    assert "tests passed: 2, failed: 0, not run here: 0" in capfd.readouterr().out


def test_who_has_no_stages_left_takes_over_the_last_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    first, last = meeting_stages(tmp_path)
    use_stages(
        monkeypatch,
        Stage("first", "all", pytest=(first,), beside=True),
        Stage("last", "all", pytest=(last,), beside=True),
    )
    checks.run(size="all")
    assert "tests passed: 2, failed: 0, not run here: 0" in capfd.readouterr().out
