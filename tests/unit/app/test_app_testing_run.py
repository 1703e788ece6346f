"""`test.app`: which runs a folder without tests gets, and what is named at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.app_testing import board, files, testing
from jetson_kit.app_testing import site as test_site
from jetson_kit.app_testing.testing import AppTestRequest
from jetson_kit.core.errors import BadInputError, CheckFailedError, DiskFullError
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy

PAGE = Path("virtual-fleet", "rollouts", "20260101-000000-abc", "report.html")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an application without tests."""
    place = tmp_path / "door"
    place.mkdir()
    (place / "app.py").write_text("print('runs')\n")
    return place


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return which runs there were; a virtual board is none here, it leaves its page."""
    done: list[str] = []

    def virtual(app: object, video: object, place: Path, *_: object) -> int:
        done.append("virtual")
        (place / PAGE).parent.mkdir(parents=True)
        (place / PAGE).touch()
        (place / "virtual.xml").touch()
        return 0

    monkeypatch.setattr(testing, "_native", lambda *_: done.append("native"))
    monkeypatch.setattr(testing, "_emulated", lambda *_: done.append("emulated"))
    monkeypatch.setattr(board, "run", virtual)
    return done


@pytest.mark.parametrize("tests", ["no folder", "an empty folder", "no test in it"])
def test_without_tests_the_board_alone_runs_it(
    folder: Path, ran: list[str], tests: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if tests != "no folder":
        (folder / "tests").mkdir()
    if tests == "no test in it":
        (folder / "tests" / "helper.py").touch()
    out = folder.parent / "out"
    testing.run(AppTestRequest(folder, out, full=True))
    assert ran == ["virtual"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"virtual: passed, see {out}/virtual.log and .xml; page: {out / PAGE}"


@pytest.mark.parametrize(
    ("native", "title", "xml"),
    [
        (True, "in the image: passed", True),
        (False, "emulated: passed", True),
        (False, "emulated: passed", False),
    ],
)
def test_an_arm64_machine_emulates_nothing(
    native: bool,
    title: str,
    xml: bool,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").touch()
    passed = testing.Outcome("native"), testing.Outcome("emulated", on="r1 (x)", native=native)
    monkeypatch.setattr(testing, "_video", lambda *_: folder)
    monkeypatch.setattr(testing, "_native", lambda *_: passed[0])
    monkeypatch.setattr(testing, "_emulated", lambda *_: passed[1])
    out = folder.parent / "out"
    out.mkdir()
    if xml:
        (out / "emulated.xml").touch()
    testing.run(AppTestRequest(folder, out))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{title} on r1 (x), see {out}/emulated.log{' and .xml' if xml else ''}"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (-9, "ended by Killed"),
        (-11, "ended by Segmentation fault"),
        (2, "exit code 2"),
        (0, ""),
        (137, "ended by Killed"),
        (139, "ended by Segmentation fault"),
        (127, "exit code 127"),
        (255, "exit code 255"),
        (128, "exit code 128"),
        (-9, "ended by Killed"),
    ],
)
def test_how_the_tests_ended(folder: Path, code: int, why: str) -> None:
    assert testing._why(code, settings.load(folder)) == why


def test_without_tests_and_board_nothing_is_begun(folder: Path, ran: list[str]) -> None:
    with pytest.raises(BadInputError, match=r"has no tests.*--full"):
        try:
            testing.run(AppTestRequest(folder, folder.parent / "out"))
        except BadInputError as error:
            raise BadInputError(error.line()) from error
    assert ran == []
    assert not (folder.parent / "out").exists()


def test_what_the_commands_name_is_where_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inv").write_text(
        '#!/bin/sh\ntest "$1" = devices.down && exit 0\n'
        'mkdir -p "$KIT_STATE/fleet/rollouts/one"\n'
        'echo page >"$KIT_STATE/fleet/rollouts/one/report.html"\n'
        'echo secret >"$KIT_STATE/fleet/lock"\n'
        'echo "page of this rollout: $KIT_STATE/fleet/rollouts/one/report.html" >&2\n'
    )
    (tmp_path / "inv").chmod(0o755)
    monkeypatch.setattr(board, "ROOT", tmp_path)
    place = tmp_path / "out"
    place.mkdir()
    with files.logged(place / "virtual.log") as stream, board._board(place, stream) as device:
        device.inv("fleet.rollout")
    page = board.page(place)
    assert page
    assert f"page of this rollout: {page}\n" in (place / "virtual.log").read_text()
    assert page.read_text() == "page\n"
    assert not device.state.exists()
    assert [path.name for path in (place / "virtual-fleet").iterdir()] == ["rollouts"]


def test_a_log_on_a_full_disk_is_told_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "native.log").symlink_to("/dev/full")
    with (
        pytest.raises(DiskFullError, match=f"no space left for {tmp_path}"),
        files.logged(tmp_path / "native.log") as stream,
    ):
        command = [sys.executable, "-c", "print('x' * 1_000_000)"]
        assert subprocess.run(command, stdout=stream, check=False).returncode == 0


def test_a_log_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), files.logged(tmp_path) as stream:
        os.write(stream, b"x")


def test_what_goes_wrong_meanwhile_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    with pytest.raises(BadInputError, match="mine"), files.logged(tmp_path / "log") as stream:
        os.write(stream, b"x")
        raise BadInputError("mine")


@pytest.mark.parametrize("health", [True, False])
def test_this_machines_run_leaves_its_files_where_they_belong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, health: bool
) -> None:
    """The tests run in the application's folder, and one health file is not for all users."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").touch()
    variable = 'environment.MEDIAPIPE_JETSON_HEALTH_FILE = "/tmp/alive"'
    (folder / "jetson.toml").write_text(variable if health else "")
    seen: list[tuple[list[str], dict[str, str]]] = []

    def attended(command: list[str], _: object, env: dict[str, str], __: int) -> int:
        seen.append((command, env))
        xml = Path(command[command.index("--junit-xml") + 1])
        xml.write_text('<testsuites><testsuite name="native" skipped="0" tests="1">')
        return 0

    monkeypatch.delenv("MEDIAPIPE_JETSON_HEALTH_FILE", raising=False)
    monkeypatch.setattr(testing, "_attended", attended)
    monkeypatch.setattr(test_site, "environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(legacy, "fetch", lambda: None)
    monkeypatch.setattr(models, "fetch", lambda _: [Path("/models/a.task")])
    monkeypatch.chdir(folder.parent)
    testing.run(AppTestRequest(folder, Path("out"), emulated=False))
    ((command, env),) = seen
    assert str(folder.parent / "out" / "native.xml") in command
    alive = env.get("MEDIAPIPE_JETSON_HEALTH_FILE", "")
    video = Path(env["MEDIAPIPE_JETSON_SOURCE"])
    assert alive == (str(video.parent.parent / "alive") if health else "")


def test_a_file_in_place_of_the_tests_is_told(folder: Path, ran: list[str]) -> None:
    (folder / "tests").touch()
    for full in (True, False):
        with pytest.raises(BadInputError, match="tests is no folder of tests"):
            testing.run(AppTestRequest(folder, folder.parent / "out", full=full))
    assert ran == []


SKIPS = "import pytest\npytestmark = pytest.mark.skip\ndef test_a(): pass\ndef test_b(): pass\n"


@pytest.mark.parametrize(
    ("test", "expected", "fault"),
    [
        ("def test_a(): pass\n", "native: passed, see", ""),
        (SKIPS + "def test_c(): pass\n", "native: all 3 tests skipped, see",
         "no test ran: all were skipped"),
        (SKIPS.replace("pytestmark = ", "x = ") + "@x\ndef test_c(): pass\n",
         "native: passed, see", ""),
        ("import os\ndef test_a(): os._exit(0)\n",
         "native: failed (they ended with 0 before pytest wrote its report), see", "tests failed"),
        ("import pytest\ndef test_a(): pytest.exit('x', 0)\n",
         "native: failed (they ended with 0 before pytest had run one), see", "tests failed"),
    ],
)  # fmt: skip
def test_only_tests_that_ran_have_passed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    test: str, expected: str, fault: str,
) -> None:  # fmt: skip
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").write_text(test)
    monkeypatch.setattr(test_site, "environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(legacy, "fetch", lambda: None)
    monkeypatch.setattr(models, "fetch", lambda _: [Path("/models/a.task")])
    request = AppTestRequest(folder, folder.parent / "out", emulated=False)
    if fault:
        with pytest.raises(CheckFailedError, match=fault):
            testing.run(request)
    else:
        testing.run(request)
    assert capsys.readouterr().out.splitlines()[-1].startswith(expected)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("test/test_a.py", 'write folder = "test" under [test] in jetson.toml'),
        ("test_a.py", "move test_a.py into a folder tests: "),
        ("notes/a.py", "write tests/test_app.py (./inv app.new shows one), or take --full"),
    ],
)
def test_tests_that_stand_elsewhere_are_found(
    folder: Path, ran: list[str], path: str, hint: str
) -> None:
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).touch()
    with pytest.raises(BadInputError) as raised:
        testing.run(AppTestRequest(folder, folder.parent / "out"))
    assert raised.value.cure.startswith(hint)
    assert ran == []
