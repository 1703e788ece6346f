"""What a rollout leaves for people to read: its page, its reasons, and the commands it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.fleet import views
from jetson_kit.fleet.rollout import command, live, page, status
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Journal, Record
from jetson_kit.fleet.rollout.plan import Plan, waves
from jetson_kit.fleet.rollout.rollout import Rollout
from tests.unit import fleet_sim as sim

DIGEST = "sha256:" + "5" * 64
PLAN = Plan(canary=1, batches=(9,), soak_s=1, tries=1, latency_factor=0)
HOST = Host("a", {"mediapipe_module": "orin-nano-8gb", "mediapipe_l4t": "36.4.4"})


def journal_of(path: Path, world: sim.World, plan: Plan) -> Journal:
    """Begin a journal with all that the command writes into it."""
    world.rollout = path.stem
    release = {"image_id": sim.NEW, "name": "small", "number": 7, "l4t": "36.4.4"}
    hosts = list(world.boards)
    return Journal.new(
        path, kind="rollout", by={"host": "here", "pid": 1}, inventory="/a b/hosts.yml",
        release=release, plan=plan.as_json(), waves=waves(plan, hosts), hosts=hosts,
    )  # fmt: skip


def ended(folder: Path, nature: str, plan: Plan = PLAN) -> tuple[Record, Path]:
    """Return a rollout to two boards, the first of this nature, and its folder with its page."""
    world = sim.world({"a": nature, "b": ""})
    journal = journal_of(folder / "r.jsonl", world, plan)
    place = command.folder_of(journal.path)
    with live.View(place / "log") as view:
        journal.listener = view.line
        Rollout(journal, plan, world, world, known=(journal.record.id,)).run()
        page.write(journal.record, place, [HOST], view)
    return journal.record, place


@pytest.mark.parametrize("nature", ["unhealthy", "full", "corrupt", "unreachable", "holds", ""])
def test_every_end_has_a_page_with_the_reasons(tmp_path: Path, nature: str) -> None:
    """Also where no board came as far as its verification."""
    record, place = ended(tmp_path, nature)
    text = (place / "report.html").read_text()
    row = text[text.index('<th scope="row">a</th>') :]
    assert "orin-nano-8gb<small>36.4.4</small>" in row[: row.index("</tr>")]
    assert record.hosts["a"].state in row[: row.index("</tr>")]
    assert "canary: 1 board, batch 1: 1 board" in text
    assert record.image_id[:19] in text
    assert record.image_id not in text
    failed = record.hosts["a"].state == journals.FAILED
    assert not failed or record.hosts["a"].why.split(":")[0] in row[: row.index("</tr>")]
    assert (record.ended == journals.ALL) == ("Every board is on the image" in text)


def test_a_board_that_needs_a_look_comes_first(tmp_path: Path) -> None:
    record, _ = ended(tmp_path, "", Plan(canary=0, batches=(9,), soak_s=1, latency_factor=0))
    journal = Journal.open(tmp_path / "r.jsonl")
    journal.append("host", host="b", state=journals.FAILED, why=f"is not healthy: {DIGEST} <b>")
    head = page.head(journal.record, [HOST])
    assert [board.name for board in head.boards] == ["b", "a"]
    assert head.boards[0].reason == f"is not healthy: {DIGEST[:19]} <b>"
    assert record.ended == journals.ALL


def test_a_reason_is_told_once_and_digests_are_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, _ = ended(tmp_path, "unhealthy")
    with pytest.raises(CheckFailedError) as caught:
        command.judge(record)
    printed = f"{capsys.readouterr().err}{caught.value.line()}"
    why = record.hosts["a"].why
    assert why
    assert printed.count(why) == 1, printed
    assert "stopped: the canary a failed" in printed
    line = {"event": "host", "host": "a", "state": "failed", "why": f"left {DIGEST} at once"}
    with live.View(tmp_path / "log") as view:
        view.line(line, record)
    assert f"left {DIGEST[:19]} at once" in capsys.readouterr().err


def test_the_command_that_shows_why_can_be_run_as_it_stands(tmp_path: Path) -> None:
    record, _ = ended(tmp_path, "unhealthy")
    with pytest.raises(CheckFailedError) as caught:
        command.judge(record)
    assert caught.value.line().endswith("./inv fleet.status -i '/a b/hosts.yml'")


def test_the_status_says_why_a_board_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that failed before anything was switched: it stays on what it was."""
    (tmp_path / "rollouts").mkdir()
    world = sim.world({"a": "corrupt"})
    journal = journal_of(tmp_path / "rollouts" / "r.jsonl", world, PLAN)
    record = Rollout(journal, PLAN, world, world).run()
    known = status.known(tmp_path, Path(record.header["inventory"]))
    assert (known["a"].state, known["a"].why) == ("failed", record.hosts["a"].why)
    result = status.compare(["a"], known, world.look(["a"]))
    views.status_table(result)
    assert f"a failed (r): {record.hosts['a'].why}" in " ".join(capsys.readouterr().out.split())
