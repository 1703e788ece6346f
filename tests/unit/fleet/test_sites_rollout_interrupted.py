"""A rollout over sites that is killed, restored from an old backup or cut off comes to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jetson_kit.core.errors import (
    CheckFailedError,
    IntegrityError,
)
from jetson_kit.fleet.sites import command
from jetson_kit.fleet.sites.journal import SitesJournal, read
from jetson_kit.fleet.sites.mesh import OwnDiskFullError
from jetson_kit.fleet.sites.plan import parse
from jetson_kit.fleet.sites.rollout import SitesRollout
from tests.unit import fleet_sim as sim
from tests.unit.fleet.simulated_sites import (
    BOARDS,
    ID,
    PLAN,
    Mesh,
    again,
    begin,
    go,
    mesh,
    states,
)


class DyingJournal(SitesJournal):
    """The top's journal; the top is killed before a line is on the disk, or after it."""

    left = 0

    def append(self, event: str, **facts: object) -> None:
        type(self).left -= 1
        if self.left == 0:
            raise sim.Killed
        super().append(event, **facts)
        type(self).left -= 1
        if self.left == 0:
            raise sim.Killed


@pytest.mark.parametrize("bad", ["", "c1"])
@pytest.mark.parametrize("point", range(1, 15))
def test_a_top_killed_at_any_point_comes_to_the_same_end(
    tmp_path: Path, point: int, bad: str
) -> None:
    at = mesh(tmp_path, **({bad: "unhealthy"} if bad else {}))
    DyingJournal.left = 0
    path = at.folder / f"{ID}.jsonl"
    begin(at).close()
    DyingJournal.left = point
    sites_journal = DyingJournal.open(path)
    with pytest.raises(sim.Killed):
        SitesRollout(sites_journal, PLAN, at).run()
    sites_journal.close()
    record = again(at)
    assert (record.ended, at.images()) == (("stopped", "nnoooo") if bad else ("all", "nnnnnn"))
    assert record.open == ()


@pytest.mark.parametrize("bad", ["", "a1", "c1"])
@pytest.mark.parametrize("line_count", range(1, 9))
def test_a_top_restored_from_an_old_backup_comes_to_the_same_end(
    tmp_path: Path, line_count: int, bad: str
) -> None:
    at = mesh(tmp_path, **({bad: "unhealthy"} if bad else {}))
    before = go(at)
    images = at.images()
    path = at.folder / f"{ID}.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:line_count]))
    record = again(at)
    assert (record.ended, at.images()) == (before.ended, images)
    assert record.open == ()


@pytest.mark.parametrize("scope", ["wave", "rollout"])
@pytest.mark.parametrize("site", ["b", "c"])
def test_what_a_lost_journal_s_end_began_is_taken_back_too(
    tmp_path: Path, site: str, scope: str
) -> None:
    """Restored from an old backup, the top takes for pending what is on the image already."""
    bad = "c" if site == "b" else "b"
    at = mesh(tmp_path, **{f"{bad}1": "unhealthy"})
    sites_journal = begin(at, dataclasses.replace(PLAN, scope=scope))
    sim.run(at._path(site), at.worlds[site], BOARDS)
    sites_journal.append("resume")

    def bad_one_first(names: Sequence[str], do: Callable[[str], None]) -> None:
        # The limit is reached before the other one's turn.
        for name in sorted(names, key=lambda name: name != bad):
            do(name)

    plan = parse(sites_journal.record.header["plan"])
    SitesRollout(sites_journal, plan, at, bad_one_first).run(resumed=True)
    record = sites_journal.record
    sites_journal.close()
    assert record.ended == "stopped"
    assert at.images() == ("nnoooo" if scope == "wave" else "oooooo")
    assert record.open == ()


def end_lost(at: Mesh, *, scope: str = "rollout") -> None:
    """Let the canary site fail and be taken back; the line of the end is lost."""
    go(at, dataclasses.replace(PLAN, scope=scope))
    path = at.folder / f"{ID}.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize("away", [("c",), ("b",), ("b", "c")])
def test_an_untouched_site_that_can_not_be_asked_is_pending(
    tmp_path: Path, away: tuple[str, ...]
) -> None:
    at = mesh(tmp_path, a1="unhealthy")
    end_lost(at)
    at.away = set(away)
    record = again(at)
    assert (record.ended, record.open, record.unasked) == ("stopped", (), away)
    for name, site in record.sites.items():
        assert (site.state, site.open) == ("pending" if name in away else "back", False)
    assert record.sites[away[0]].why == f"could not be asked: {away[0]} gave no sign of life"
    with pytest.raises(CheckFailedError, match=f"{', '.join(away)} could not be asked") as raised:
        command.judge(record)
    assert f"--resume {ID} asks again" in raised.value.line()
    at.away = set()
    record = again(at)
    assert (states(record), record.unasked) == ("back back back", ())
    assert not any(site.why.startswith("could not") for site in record.sites.values())


@pytest.mark.parametrize("fault", [KeyError("protocol"), TypeError(), OSError()])
def test_a_fault_of_the_kit_itself_leaves_an_untouched_site_pending(
    tmp_path: Path, fault: Exception
) -> None:
    at = mesh(tmp_path, a1="unhealthy")
    end_lost(at)

    def back(site: str, why: str) -> tuple[str, ...]:
        raise fault

    at.back = back  # type: ignore[method-assign]
    record = again(at)
    assert (states(record), record.open) == ("back pending pending", ())
    assert record.unasked == ("b", "c")


def test_a_journal_that_does_not_hold_shows_that_a_site_was_touched(tmp_path: Path) -> None:
    at = mesh(tmp_path, a1="unhealthy")
    end_lost(at)

    def back(site: str, why: str) -> tuple[str, ...]:
        if site == "c":
            raise IntegrityError("the journal is of other boards: c3")
        return ()

    at.back = back  # type: ignore[method-assign]
    record = again(at)
    assert (states(record), record.open, record.unasked) == ("back back failed", ("c",), ())


@pytest.mark.parametrize("point", range(0, 60, 3))
def test_a_site_killed_at_any_point_comes_to_the_same_end(tmp_path: Path, point: int) -> None:
    at = mesh(tmp_path)
    at.worlds["b"].kill_at = point
    record = go(at)
    assert (record.ended, at.images()) == ("all", "nnnnnn")


def test_a_torn_line_is_as_if_it_never_was(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    record = go(at)
    path = at.folder / f"{ID}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq": 99, "eve')
    assert read(path) == record


def test_a_damaged_line_is_told(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    go(at)
    path = at.folder / f"{ID}.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    with pytest.raises(IntegrityError, match="line 2 is damaged"):
        read(path)


@pytest.mark.parametrize("step", ["prepare", "rollout", "back"])
def test_a_full_disk_here_fails_no_site_and_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    at = mesh(tmp_path, **({"b1": "unhealthy"} if step == "back" else {}))

    def full(*_: object) -> object:
        raise OwnDiskFullError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(at, step, full)
        with pytest.raises(OwnDiskFullError) as caught:
            go(at)
    assert caught.value.exit_code == 6
    record = read(tmp_path / f"{ID}.jsonl")
    assert not record.ended
    assert not any("space" in site.why for site in record.sites.values())
    ended = again(at)
    assert ended.ended == ("stopped" if step == "back" else "all")
