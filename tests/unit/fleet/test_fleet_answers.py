"""What a board answers is read as from anybody: one that lies fails alone, and in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jetson_kit.fleet.rollout import answers
from jetson_kit.fleet.rollout.transport import DONE, FAILED, Reply

STATUS: dict[str, Any] = {
    "current": {"image_id": "sha256:1", "state": "good"}, "previous": None, "settled": True,
    "running": {"image_id": "sha256:1", "unit": "active", "container": True, "health": ""},
    "held": "", "problem": "", "history": [], "pace": None,
}  # fmt: skip


def test_a_good_answer_is_read() -> None:
    text = json.dumps({"seconds": 1.5, "status": STATUS, "words": "größer 😀"})
    reply = answers.told(Reply(), answers.document(text))
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
    for reply in (answers.seen(Reply(), body), answers.told(Reply(), {"status": body})):
        assert (reply.kind, reply.words) == (FAILED, "its status can't be read")


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
