"""What a board answers is read as from anybody: one that lies fails alone, and in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver import board_program
from jetson_kit.fleet.rollout import answers, rollback
from jetson_kit.fleet.rollout.by_ansible import Ansible, Site
from jetson_kit.fleet.rollout.journal import Journal
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import (
    DONE,
    FAILED,
    REFUSED,
    UNREACHABLE,
    Device,
    Reply,
)

STATUS: dict[str, Any] = {
    "current": {"image_id": "sha256:1", "state": "good"}, "previous": None, "settled": True,
    "running": {"image_id": "sha256:1", "unit": "active", "container": True, "health": ""},
    "held": "", "problem": "", "history": [], "pace": None,
}  # fmt: skip


def test_a_good_answer_is_read() -> None:
    text = json.dumps({"seconds": 1.5, "status": STATUS, "words": "größer 😀"})
    reply = answers.with_step_results(Reply(), answers.document(text))
    assert (reply.kind, reply.seconds) == (DONE, 1.5)
    assert reply.device
    assert reply.device.image_id == "sha256:1"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "5", '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}',
     '{"a": ' + "9" * 400 + "}", '{"a": ' + "9" * 5000 + "}", '{"a": "\\ud800"}',
     '{"\\udfff": 1}', "[" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_what_no_program_of_ours_prints_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        answers.document(text)


@pytest.mark.parametrize(
    "says",
    [{"current": 5}, {"current": "x"}, {"current": [1]}, {"current": {"image_id": 5}},
     {"current": {"image_id": "x", "rollout": None}}, {"previous": "x"}, {"previous": 7},
     {"running": "x"}, {"running": {}}, {"running": {"image_id": []}}, {"history": None},
     {"history": [1]}, {"history": [{}]}, {"history": [{"event": "rollback"}]}, {"held": 5},
     {"history": [{"event": "rollback", "image_id": [], "rollout": {}}]}, {"problem": None},
     {"pace": {}}, {"pace": {"fps": "x", "latency_p95_ms": 1, "limited": False}}],
    ids=str,
)  # fmt: skip
def test_a_status_of_another_shape_can_not_be_read(says: dict[str, Any]) -> None:
    body = {**STATUS, **says}
    for reply in (
        answers.seen(Reply(), body),
        answers.with_step_results(Reply(), {"status": body}),
    ):
        assert (reply.kind, reply.message) == (FAILED, "its status can't be read")


@pytest.mark.parametrize("name", STATUS)
def test_a_status_without_a_part_can_not_be_read(name: str) -> None:
    body = {key: value for key, value in STATUS.items() if key != name}
    # Programs of earlier versions tell no pace.
    assert answers.seen(Reply(), body).kind == (DONE if name == "pace" else FAILED)


@pytest.mark.parametrize(
    "layers",
    [None, 5, "x", {}, [5], [{}], [{"digest": 5}], [{"digest": "sha256:../../etc/shadow"}],
     [{"digest": "sha256:*"}], [["sha256:" + "a" * 64]]],
    ids=str,
)  # fmt: skip
def test_layers_of_another_shape_are_none(layers: Any) -> None:
    assert answers.parts({"layers": layers}) == []
    assert answers.parts({"layers": [{"digest": "sha256:" + "a" * 64}]}) == ["a" * 64 + ".part"]


@pytest.mark.parametrize(
    "report",
    [{}, {"tasks": []}, {"tasks": "x"}, {"tasks": {"a": 5}}, {"tasks": {"a": {"latency_ms": []}}},
     {"tasks": {"a": {"latency_ms": {"gpu": float("nan")}}}}, {"tasks": None},
     {"tasks": {"a": {"latency_ms": {"gpu": 10**400}}}},
     {"tasks": {"a": {"latency_ms": {"gpu": True}}}},
     {"tasks": {"a": {"latency_ms": {"gpu": -1}}}}],
    ids=str,
)  # fmt: skip
def test_a_report_of_another_shape_tells_no_latency(report: dict[str, Any]) -> None:
    report["tasks"] = report.get("tasks")
    assert answers.latencies(report) == {}
    good = {"tasks": {"a": {"latency_ms": {"gpu": 9}}}}
    assert answers.latencies(good) == {"a": 9.0}


def version(machine: object, *, own: bool = True) -> Reply:
    body = {"program": board_program.digest() if own else "another", "machine": machine}
    return answers.version(Reply(), body)


def test_two_names_of_one_machine_are_refused_by_each() -> None:
    """Whatever the names are: a DNS name and an address, an alias of ssh_config."""
    replies = {
        "a": version("m1"), "b": version("m2"), "c": version("m1"), "d": version("m1", own=False),
        "e": version(""), "f": version(""), "g": version(None), "h": version(["m1"]),
        "gone": Reply(UNREACHABLE, "no route"),
    }  # fmt: skip
    result = answers.one_each(replies)
    assert [name for name, reply in result.items() if reply.kind == REFUSED] == ["a", "c", "d"]
    assert result["a"].message.startswith("it is the same machine as c, d; ")
    assert {name: reply for name, reply in result.items() if name not in "acd"} == {
        name: reply for name, reply in replies.items() if name not in "acd"
    }


class Boards(Ansible):
    """A transport of boards that only tell their program; what else is done with them is noted."""

    def __init__(self, says: dict[str, Reply]) -> None:
        super().__init__(Site(Path("x"), Path("x"), Path("x")), Plan())
        self.says = says
        self.done: list[tuple[str, tuple[str, ...]]] = []

    def versions(self, hosts: Sequence[str]) -> dict[str, Reply]:
        return {name: self.says[name] for name in hosts}

    def offer(self, hosts: Sequence[str]) -> dict[str, Reply]:
        self.done.append(("offer", tuple(hosts)))
        return {name: Reply() for name in hosts}

    def rollback(self, hosts: Sequence[str], why: str) -> dict[str, Reply]:
        del why
        self.done.append(("rollback", tuple(hosts)))
        return {name: Reply() for name in hosts}

    def look(self, hosts: Sequence[str]) -> dict[str, Reply]:
        return {name: Reply(device=Device()) for name in hosts}

    def _play(self, playbook: str, hosts: Sequence[str], *_: Any, **__: Any) -> dict[str, Any]:
        self.done.append((playbook, tuple(hosts)))
        body = {"program": board_program.digest(), "machine": "m3"}
        return {name: (Reply(), body, None) for name in hosts}


def test_nothing_is_changed_on_a_machine_that_has_two_names() -> None:
    boards = Boards({"a": version("m1"), "b": version("m1", own=False), "c": version("m2")})
    replies = boards.fits(("a", "b", "c"))
    assert boards.done == [("offer", ("c",))]
    assert [replies[name].kind for name in "abc"] == [REFUSED, REFUSED, DONE]


def test_boards_with_an_older_program_are_compared_once_they_have_this_one() -> None:
    boards = Boards({name: version(None, own=False) for name in "ab"})
    assert {reply.kind for reply in boards.fits(("a", "b")).values()} == {REFUSED}
    assert boards.done == [("program", ("a", "b"))]


def test_a_program_that_does_not_know_the_question_is_replaced() -> None:
    boards = Boards({"a": Reply(REFUSED, "invalid choice: 'version'"), "b": version("m2")})
    assert {reply.kind for reply in boards.fits(("a", "b")).values()} == {DONE}
    assert boards.done == [("program", ("a",)), ("offer", ("a", "b"))]
    # It can go back without the question, too.
    assert rollback.one_each(boards, ("a", "b")) == {}


def test_a_run_that_goes_on_brings_its_program_before_it_switches() -> None:
    """What a controller of before an update fetched, this one switches."""
    boards = Boards({"a": version("m1", own=False), "b": version("m2")})
    replies = boards.switch(("a", "b"))
    assert boards.done == [("program", ("a",)), ("switch", ("a", "b"))]
    assert {reply.kind for reply in replies.values()} == {DONE}
    boards.done.clear()
    # Once is enough, and what preflight brought counts.
    boards.switch(("a", "b"))
    assert boards.done == [("switch", ("a", "b"))]
    gone = Boards({"a": version("m1"), "b": Reply(UNREACHABLE, "no route")})
    replies = gone.switch(("a", "b"))
    assert (gone.done, replies["b"].kind) == ([("switch", ("a",))], UNREACHABLE)


def test_a_rollback_by_hand_does_not_go_back_twice(tmp_path: Path) -> None:
    boards = Boards({"a": version("m1"), "b": version("m1"), "c": version("m2")})
    journal = Journal.new(
        tmp_path / "r-rollback.jsonl", kind="rollback", by={"host": "h", "pid": 1, "uid": 0},
        inventory="x", release={"image_id": ""}, plan={}, waves=(), hosts=["a", "b", "c"],
    )  # fmt: skip
    refused = rollback.one_each(boards, ("a", "b", "c"))
    rollback.go_back(journal, boards, ("a", "b", "c"), "by hand", refused)
    journal.close()
    assert boards.done == [("rollback", ("c",))]
    assert journal.record.names("failed") == ("a", "b")
    assert rollback.one_each(boards, ("a",)) == {}
