"""A rollout over sites: the real code at the top and inside each site, boards are simulated."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    IntegrityError,
    StepFailedError,
)
from jetson_kit.core.text import HIDDEN
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.rollout import Rollout
from jetson_kit.fleet.rollout.take_back import undo_all
from jetson_kit.fleet.sites import command, evidence
from jetson_kit.fleet.sites.journal import SitesJournal, SitesRecord, read
from jetson_kit.fleet.sites.mesh import OwnDiskFullError
from jetson_kit.fleet.sites.plan import SitesPlan, SiteWave, parse
from jetson_kit.fleet.sites.rollout import SitesRollout
from tests.unit import fleet_sim as sim

BOARDS = Plan(soak_s=2, poll_s=1, tries=1, retry_s=1, held_tries=1, held_wait_s=1, canary=1)
PLAN = SitesPlan(BOARDS)
ID = "20260101-000000-abcdef"
WAVES = (SiteWave("canary", ("a",)), SiteWave("wave 1", ("b", "c")))


@dataclass
class Mesh:
    """Three sites. A process at a site is killed at a point; a site may be out of reach, or lie."""

    folder: Path
    worlds: dict[str, sim.World]
    away: set[str] = field(default_factory=set)
    lie: Callable[[str, Record], Record] = lambda site, record: record
    calls: list[str] = field(default_factory=list)
    plan: Plan = BOARDS

    def prepare(self, site: str) -> str:
        self._here("prepare", site)
        return "folder"

    def rollout(self, site: str, folder: str, watch: Callable[[Record], bool]) -> Record:
        self._here("rollout", site)
        assert folder == "folder"
        while True:
            try:
                record = sim.run(self._path(site), self.worlds[site], self.plan)
            except sim.Killed:
                continue  # the top asks again: Link does
            watch(record)
            return self._proven(site, self.lie(site, record))

    def back(self, site: str, why: str) -> tuple[str, ...]:
        self._here("back", site)
        path = self._path(site)
        if not path.exists():
            return ()
        plan = dataclasses.replace(BOARDS, scope="rollout")
        opened = journals.Journal.open(path)
        try:
            undo_all(Rollout(opened, plan, self.worlds[site], self.worlds[site]), why)
        finally:
            opened.close()
        return evidence.left_on(self._proven(site, journals.read(path)))

    def _here(self, step: str, site: str) -> None:
        self.calls.append(f"{step} {site}")
        if site in self.away:
            raise StepFailedError(f"{site} gave no sign of life")

    def _proven(self, site: str, claim: Record) -> Record:
        boards = tuple(self.worlds[site].boards)
        return evidence.record_of(
            self._path(site), number=ID, image_id=sim.NEW, boards=boards, claimed=claim.ended
        )

    def _path(self, site: str) -> Path:
        place = self.folder / site
        place.mkdir(exist_ok=True)
        return place / f"{ID}.jsonl"

    def images(self) -> str:
        """Return a letter for each board: n is on the new image."""
        return "".join(
            "n" if board.image == sim.NEW else "o"
            for at in self.worlds.values()
            for board in at.boards.values()
        )


def mesh(folder: Path, **natures: str) -> Mesh:
    worlds = {
        site: sim.world({f"{site}{number}": natures.get(f"{site}{number}", "") for number in "12"})
        for site in "abc"
    }
    return Mesh(folder, worlds)


def begin(at: Mesh, plan: SitesPlan = PLAN) -> SitesJournal:
    return SitesJournal.new(
        at.folder / f"{ID}.jsonl", sites="sites.toml", release={"image_id": sim.NEW},
        plan=plan.as_json(), waves=WAVES,
        boards={site: tuple(world.boards) for site, world in at.worlds.items()},
    )  # fmt: skip


def go(at: Mesh, plan: SitesPlan = PLAN) -> SitesRecord:
    sites_journal = begin(at, plan)
    record = SitesRollout(sites_journal, plan, at).run()
    sites_journal.close()
    assert read(sites_journal.path) == record
    return record


def again(at: Mesh) -> SitesRecord:
    sites_journal = SitesJournal.open(at.folder / f"{ID}.jsonl")
    sites_journal.append("resume")
    try:
        return SitesRollout(sites_journal, parse(sites_journal.record.header["plan"]), at).run(
            resumed=True
        )
    finally:
        sites_journal.close()


def states(record: SitesRecord) -> str:
    return " ".join(site.state for site in record.sites.values())


def test_canary_site_first_then_waves(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    record = go(at)
    assert (record.ended, states(record), at.images()) == ("all", "done done done", "nnnnnn")
    assert at.calls[:2] == ["prepare a", "rollout a"]


def test_a_failed_board_at_the_canary_site_stops_before_any_other_site(tmp_path: Path) -> None:
    at = mesh(tmp_path, a2="unhealthy")
    record = go(at)
    assert (record.ended, states(record), at.images()) == (
        "stopped", "back pending pending", "oooooo",
    )  # fmt: skip
    assert "canary site a" in (record.stop or "")
    # The board and its own reason, by the site's journal.
    why = journals.read(at.folder / "a" / f"{ID}.jsonl").hosts["a2"].why
    assert why
    assert f"a2: {why}" in (record.stop or "")


@pytest.mark.parametrize(("scope", "images"), [("wave", "nnoooo"), ("rollout", "oooooo")])
def test_a_stop_takes_back_its_wave_or_all(tmp_path: Path, scope: str, images: str) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    record = go(at, dataclasses.replace(PLAN, scope=scope))
    assert (record.ended, at.images()) == ("stopped", images)
    assert record.open == ()


def test_boards_of_all_sites_are_counted_together(tmp_path: Path) -> None:
    at = mesh(tmp_path, b2="unhealthy", c2="unhealthy")
    at.plan = dataclasses.replace(BOARDS, stop_at=9, canary=0)
    plan = SitesPlan(at.plan, stop_at=2, stop_sites=9)
    stop = go(at, plan).stop or ""
    assert "2 failed, the limit is 2" in stop
    assert "b2: " in stop
    assert "c2: " in stop


@pytest.mark.parametrize(("off", "stops"), [(5, False), (9, False), (10, True)])
def test_a_share_is_one_of_all_boards_while_it_goes_on(
    tmp_path: Path, off: int, stops: bool
) -> None:
    # The first ones of the inventory are off: theirs are the first answers that are written.
    names = [f"b{number:02}" for number in range(100)]
    at = sim.world({name: "unreachable" if name in names[:off] else "" for name in names})
    plan = dataclasses.replace(BOARDS, stop_at=99, canary=("b50",), batches=(50,))
    limits = SitesPlan(plan, stop_at="10%").limits
    verdicts: list[str] = []
    sim.DyingJournal.world = at
    begun = sim.journal(tmp_path / "r.jsonl", at, plan)
    begun.listener = lambda line, record: verdicts.append(limits.verdict(*evidence.so_far(record)))
    Rollout(begun, plan, at, at).run()
    assert any(verdicts) == stops
    # So it is when the site sends its journal anew.
    replayed = Record()
    for line in (tmp_path / "r.jsonl").read_text().splitlines():
        replayed = journals.apply(replayed, json.loads(line))
        assert stops or not limits.verdict(*evidence.so_far(replayed))


@pytest.mark.parametrize(("limit", "ended"), [("34%", "some"), ("33%", "stopped"), (1, "stopped")])
def test_failed_sites_are_counted_or_judged_by_their_share(
    tmp_path: Path, limit: int | str, ended: str
) -> None:
    at = mesh(tmp_path)
    at.away = {"c"}
    record = go(at, dataclasses.replace(PLAN, stop_at=9, stop_sites=limit, min_sites=3))
    assert record.ended == ended


@pytest.mark.parametrize("facts", [{"stop_sites": 0}, {"stop_sites": "x"}, {"min_sites": 0}])
def test_a_limit_of_sites_that_is_none(facts: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"stop_sites|min_sites"):
        SitesPlan(BOARDS, **facts)


def test_below_the_limits_it_goes_to_its_end_and_is_no_success(tmp_path: Path) -> None:
    at = mesh(tmp_path, b2="unhealthy")
    at.plan = dataclasses.replace(BOARDS, stop_at=9, canary=0)
    record = go(at, SitesPlan(at.plan, stop_at=9, stop_sites=1))
    assert (record.ended, states(record)) == ("some", "done part done")
    assert record.sites["b"].failed == 1
    assert "b2: " in record.sites["b"].why
    assert "b1: " not in record.sites["b"].why


def test_a_site_out_of_reach_has_failed_and_is_put_right_by_a_resume(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    at.away = {"c"}
    record = go(at, dataclasses.replace(PLAN, stop_at=9, stop_sites=2))
    assert (record.ended, states(record)) == ("some", "done done failed")
    assert (record.sites["c"].failed, record.sites["c"].tried) == (2, 2)
    at.away = set()
    record = again(at)
    assert (record.ended, at.images()) == ("all", "nnnnnn")


@pytest.mark.parametrize("fault", [StepFailedError("silent"), KeyError("protocol"), TypeError()])
def test_boards_of_sites_that_fail_before_their_rollout_count(
    tmp_path: Path, fault: Exception
) -> None:
    at = mesh(tmp_path)

    def prepare(site: str) -> str:
        if site == "a":
            return "folder"
        raise fault

    at.prepare = prepare  # type: ignore[method-assign]
    record = go(at, dataclasses.replace(PLAN, stop_at="50%", stop_sites=100))
    assert (record.sites["b"].failed, record.sites["b"].tried) == (2, 2)
    assert "4 of 6 failed, the limit is 50%" in (record.stop or "")


def test_nothing_that_a_site_says_reaches_the_journal_or_a_terminal_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = mesh(tmp_path)

    def prepare(site: str) -> str:
        raise StepFailedError(f"{site}: \x1b]0;owned\x07\x9b2J" + "x" * 100_000)

    at.prepare = prepare  # type: ignore[method-assign]
    begun = begin(at)
    begun.listener = command._say
    record = SitesRollout(begun, PLAN, at).run()
    shown = capsys.readouterr().err
    assert "a: " in shown
    for text in (*shown.splitlines(), record.stop or "", record.sites["a"].why):
        assert not HIDDEN.search(text)
        assert len(text) < 3000


def test_a_site_that_can_not_be_taken_back_stays_open(tmp_path: Path) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    tried = at.back

    def back(site: str, why: str) -> tuple[str, ...]:
        if site == "b" and "b" not in at.away:
            at.away.add("b")
        return tried(site, why)

    at.back = back  # type: ignore[method-assign]
    record = go(at)
    assert record.open == ("b",)
    assert at.images() == "nnnnoo"
    at.back = tried  # type: ignore[method-assign]
    at.away = set()
    record = again(at)
    assert (record.ended, record.open, at.images()) == ("stopped", (), "nnoooo")


@pytest.mark.parametrize("fault", [KeyError("protocol"), TypeError(), RecursionError("\ud800")])
def test_a_site_that_fails_by_surprise_keeps_no_stop_from_its_end(
    tmp_path: Path, fault: Exception
) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    tried = at.back

    def back(site: str, why: str) -> tuple[str, ...]:
        if site == "b":
            raise fault
        return tried(site, why)

    at.back = back  # type: ignore[method-assign]
    record = go(at)
    assert (record.ended, record.open) == ("stopped", ("b",))
    assert "not taken back" in record.sites["b"].why
    at.back = tried  # type: ignore[method-assign]
    assert (again(at).ended, at.images()) == ("stopped", "nnoooo")


def lies(change: Callable[[Record], Record]) -> Callable[[str, Record], Record]:
    return lambda site, record: change(record) if site == "a" else record


def test_a_claim_of_success_without_its_evidence_stops_the_rollout(tmp_path: Path) -> None:
    at = mesh(tmp_path, a2="unhealthy")
    at.lie = lies(lambda record: dataclasses.replace(record, ended="all"))
    record = go(at)
    assert record.ended == "stopped"
    assert "claims" in record.sites["a"].why
    assert at.images() == "oooooo"


def forged(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    other = path.with_name("forged.jsonl")
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return other


@pytest.mark.parametrize(
    ("event", "key", "value", "words"),
    [
        ("begin", "id", "20260101-000000-ffffff", "is of rollout"),
        ("begin", "release", {"image_id": sim.OLD}, "is of image"),
        ("begin", "hosts", ["a1"], "damaged|other boards"),
        ("host", "image_id", sim.OLD, "claims success"),
        ("host", "state", "healthy", "claims success"),
        ("end", "result", "some", "claims"),
        ("host", "seq", 3, "damaged"),
    ],
)
def test_a_journal_that_was_changed(
    tmp_path: Path, event: str, key: str, value: object, words: str
) -> None:
    at = mesh(tmp_path)
    go(at)

    def change(line: dict[str, object]) -> None:
        if line["event"] == event and key in line:
            line[key] = value

    path = forged(tmp_path / "a" / f"{ID}.jsonl", change)
    with pytest.raises(IntegrityError, match=words):
        evidence.record_of(path, number=ID, image_id=sim.NEW, boards=("a1", "a2"), claimed="all")


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
@pytest.mark.parametrize("kept", range(1, 9))
def test_a_top_restored_from_an_old_backup_comes_to_the_same_end(
    tmp_path: Path, kept: int, bad: str
) -> None:
    at = mesh(tmp_path, **({bad: "unhealthy"} if bad else {}))
    before = go(at)
    images = at.images()
    path = at.folder / f"{ID}.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
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
