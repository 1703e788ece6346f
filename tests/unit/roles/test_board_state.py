"""The board's state is stored twice: it survives whatever becomes of one of its files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.here import not_here_if
from tests.unit.board_program import Program

OLD, NEW = ("sha256:" + digit * 64 for digit in "12")


def a_state(program: Program) -> Any:
    entry = program.state.Entry(NEW, OLD, "v2", "2026-01-01T00:00:00Z", "", "r1", "trial", NEW)
    old = entry._replace(image_id=OLD, state="good", engine_id="")
    return program.state.State(
        current=entry, previous=old, boots=("b1",), limit_s=60.0, spent_s=12.5,
        history=({"at": "", "event": "switch", "image_id": NEW, "why": "", "rollout": ""},),
    )  # fmt: skip


def flipped(path: Path) -> None:
    """One bit in what the state says, and JSON as before."""
    path.write_text(path.read_text().replace('"v2"', '"v3"'))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inner").write_text("")


def link(path: Path) -> None:
    path.rename(path.with_name("x"))
    path.symlink_to("x")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "garbage": lambda path: path.write_bytes(os.urandom(300)),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "another document": lambda path: path.write_text("{}"),
    "a list": lambda path: path.write_text("[]"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "huge": lambda path: os.truncate(path, 1 << 40),
    "not a number": lambda path: path.write_text(path.read_text().replace("12.5", "NaN")),
    "one bit": flipped,
    "a folder": folder,
    "a link": link,
    "a FIFO": fifo,
    "writable by all": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("name", ["state.json", "state.copy.json"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_damaged_file_loses_nothing(
    program: Program,
    capsys: pytest.CaptureFixture[str],
    name: str,
    damage: Callable[[Path], object],
) -> None:
    before = a_state(program)
    program.state_files.write(before)
    damage(program.lib / name)
    assert program.state_files.read() == before
    mended = program.state_files.mended()
    assert mended._replace(history=before.history) == before
    assert mended.history[-1]["event"] == "mended"
    assert name in mended.history[-1]["why"]
    assert capsys.readouterr().err.startswith("warning: ")
    # Both are whole again, and say the same.
    assert program.state_files.look() == (mended, ())
    first, second = (program.lib / item for item in ("state.json", "state.copy.json"))
    assert first.read_bytes() == second.read_bytes()


@not_here_if(os.geteuid() != 0, "only root can give files away")
@pytest.mark.parametrize("name", ["state.json", "state.copy.json"])
def test_a_file_that_another_user_owns_is_not_trusted(program: Program, name: str) -> None:
    before = a_state(program)
    program.state_files.write(before)
    os.chown(program.lib / name, 12345, 0)
    assert program.state_files.mended().previous == before.previous
    assert (program.lib / name).stat().st_uid == 0


def test_a_new_device_has_no_state_and_no_problem(program: Program) -> None:
    assert program.state_files.look() == (None, ())
    assert program.state_files.mended() == program.state.State()
    assert list(program.lib.iterdir()) == []


def test_a_power_cut_between_the_files_is_no_problem(program: Program) -> None:
    before = a_state(program)
    program.state_files.write(before)
    copy = (program.lib / "state.copy.json").read_bytes()
    after = before._replace(spent_s=30.0)
    program.state_files.write(after)
    (program.lib / "state.copy.json").write_bytes(copy)
    assert program.state_files.look() == (after, ())


def test_states_of_older_programs_are_read_and_read_by_them(program: Program) -> None:
    before = a_state(program)
    body = program.state.as_json(before)
    assert set(body["current"]) == {
        "image_id", "manifest_digest", "reference", "since", "why", "rollout", "state",
    }  # fmt: skip
    for name in ("engine_ids", "trial"):
        del body[name]
    (program.lib / "state.json").write_text(json.dumps(body))
    result = program.state_files.mended()
    assert result.current == before.current._replace(engine_id="")
    assert (result.limit_s, result.spent_s) == (0.0, 0.0)


def test_the_folder_of_records_may_be_a_file(program: Program) -> None:
    (program.lib / "releases").write_text("")
    program.disk.write_json(program.lib / "releases" / "x.json", {})
    assert (program.lib / "releases" / "x.json").is_file()


def test_a_link_to_a_disk_of_its_own_stays(program: Program, tmp_path: Path) -> None:
    shutil.rmtree(program.lib)
    (tmp_path / "disk").mkdir()
    program.lib.symlink_to(tmp_path / "disk")
    program.state_files.write(a_state(program))
    assert program.state_files.read() == a_state(program)
    assert program.lib.is_symlink()


def test_the_history_is_bounded(program: Program) -> None:
    state = a_state(program)
    for _ in range(200):
        state = program.state.noted(state, "x", NEW, "y" * 10_000, "")
    program.state_files.write(state)
    assert (program.lib / "state.json").stat().st_size < 50_000
    assert len(program.state_files.read().history) == 50


@pytest.mark.parametrize(("boots", "uptime", "spent"), [
    (["b1"], [100, 160], 60),  # in one boot: since the first look
    (["b0", "b1"], [100, 160], 160),  # begun in another boot: all of this one counts
])  # fmt: skip
def test_a_trial_takes_time_that_the_device_runs(
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    boots: list[str],
    uptime: list[int],
    spent: float,
) -> None:
    monkeypatch.setattr(program.disk, "boot_id", lambda: "b1")
    settings = program.settings.Settings(trial_limit_s=150.0)
    state = a_state(program)._replace(boots=tuple(boots), limit_s=0.0, spent_s=0.0)
    over = False
    for now in uptime:
        monkeypatch.setattr(program.disk, "uptime", lambda now=now: float(now))
        state, over = program.trial.counted(state, settings)
    assert state.spent_s == spent
    assert over == (spent > 150)
    # A power cut now loses none of it.
    assert program.state_files.read().spent_s == spent


def test_a_trial_counts_on_where_its_mark_is_damaged(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program.disk, "boot_id", lambda: "b1")
    monkeypatch.setattr(program.disk, "uptime", lambda: 500.0)
    state, settings = a_state(program), program.settings.Settings()
    state, _ = program.trial.counted(state, settings)
    for text in ("", "[]", '{"key": 1}', json.dumps({"key": "x", "until": "y"})):
        program.trial.MARK.write_text(text)
        state, over = program.trial.counted(state, settings)
        assert (state.spent_s, over) == (12.5, False)


def test_the_program_knows_its_own_sum(program: Program) -> None:
    sources = program.version.sources()
    assert {"cli", "__init__"} <= set(sources)
    before = program.version.digest(sources)
    assert program.version.version() == {"program": before, "protocol": 3, "machine": ""}
    assert program.version.digest({**sources, "cli": sources["cli"] + " "}) != before
    assert program.version.digest({"a": "b", "c": ""}) != program.version.digest(
        {"a": "", "c": "b"}
    )


def test_one_machine_says_the_same_by_every_name(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_id = program.root / "etc/machine-id"
    machine_id.parent.mkdir()
    for text in ("", "\n", "ümlaut"):
        machine_id.write_text(text)
        assert program.version.machine() == ""
    machine_id.write_text("1" * 32 + "\n")
    seen = program.version.machine()
    assert len(seen) == 64 and program.version.machine() == seen
    # A copy of its disk, and two containers of one kernel, are others.
    with monkeypatch.context() as patch:
        patch.setattr(program.disk, "boot_id", lambda: "another")
        assert program.version.machine() not in ("", seen)
    with monkeypatch.context() as patch:
        patch.setattr(program.version.platform, "node", lambda: "another")
        assert program.version.machine() not in ("", seen)
    machine_id.write_text("2" * 32)
    assert program.version.machine() not in ("", seen)


GREAT = 10**400


@pytest.mark.parametrize("value", [GREAT, "inf", "nan", "12", True, None, [], 1 << 63])
@pytest.mark.parametrize("name", ["limit_s", "spent_s"])
def test_a_time_that_is_none_is_damage(program: Program, name: str, value: Any) -> None:
    before = a_state(program)
    program.state_files.write(before)
    body = program.state.as_json(before)
    body["trial"][name] = value
    # As an older program or a hand leaves it: without a sum.
    (program.lib / "state.json").write_text(json.dumps(body))
    mended = program.state_files.mended()
    assert mended._replace(history=before.history) == before
    assert program.state_files.look() == (mended, ())


@pytest.mark.parametrize("word", ['"\\ud800"', '["a\\uDC00"]', '{"\\udbff": 1}'])
def test_half_a_character_is_damage(program: Program, word: str) -> None:
    with pytest.raises(program.errors.IntegrityError, match="is damaged"):
        program.guarded.parse(f'{{"a": {word}}}'.encode(), "it")
    assert program.guarded.parse(b'{"a": "\\ud83d\\ude00 \\\\ud800"}', "it")["a"][0] == "😀"


FUTURE = 1e9


@pytest.mark.parametrize("until", [FUTURE, GREAT, -5, "5", None, True, "nan"])
def test_a_mark_of_what_is_yet_to_come_stops_no_clock(
    program: Program, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """The time of a trial, and the time in which its image must be healthy, go on."""
    clock = [100.0]
    monkeypatch.setattr(program.disk, "uptime", lambda: clock[0])
    before = a_state(program)._replace(boots=("another boot",), spent_s=0.0)
    program.state_files.write(before)
    key = f"{NEW} {before.current.since}"
    program.disk.write_json(program.trial.MARK, {"key": key, "until": until})
    settings = program.settings.Settings()
    state, _ = program.trial.counted(before, settings)
    clock[0] += 70.0
    assert program.trial.counted(state, settings)[1]

    program.disk.write_json(
        program.watch.SEEN, {"key": [NEW, before.current.since], "good_at": until}
    )
    ill = program.service.Look(NEW, "activating", False, False, "")
    program.watch._overdue(before, ill, settings)
    clock[0] += settings.healthy_limit_s + 1
    assert program.watch._overdue(before, ill, settings)
