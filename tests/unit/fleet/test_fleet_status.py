"""What Ansible's events mean for a host; both views of it; results for other programs."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jetson_kit.ansible_driver.events import Event, HostResult
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet import views
from jetson_kit.fleet.rollout import answers, gates, results, status
from jetson_kit.fleet.rollout import command as rollout_command
from jetson_kit.fleet.rollout.hosts import Hosts
from jetson_kit.fleet.rollout.journal import Host, Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.status import ControllerView
from jetson_kit.fleet.rollout.transport import Device, Reply
from tests.unit import fleet_sim as sim

SCHEMAS = ROOT / "jetson_kit" / "schemas"
OK = Event("h", "image : Run the image on trial", "changed", "", {"stdout": '{"seconds": 2}'})


def bad(code: int | None) -> Event:
    return Event("h", "t", "failed", "error: no; do", {} if code is None else {"rc": code})


@pytest.mark.parametrize(
    ("ended", "done", "failed", "late", "kind"),
    [
        ("changed", OK, None, False, "done"),
        # Nothing was decided: a play that did nothing on a host is no success.
        ("ok", None, None, False, "failed"),
        ("failed", None, bad(8), False, "held"),
        ("failed", None, bad(9), False, "busy"),
        ("failed", None, bad(6), False, "refused"),
        ("failed", None, bad(10), False, "refused"),
        ("failed", None, bad(1), False, "failed"),
        ("failed", None, bad(None), False, "failed"),
        ("failed", OK, bad(1), False, "failed"),
        ("unreachable", OK, None, False, "unreachable"),
        # Held up by others until the limit: what was done is done, what was not is not.
        ("unfinished", OK, None, True, "done"),
        ("unfinished", None, None, True, "timed-out"),
        ("unfinished", OK, None, False, "unreachable"),
    ],
)  # fmt: skip
def test_what_became_of_a_host(
    ended: str, done: Event | None, failed: Event | None, late: bool, kind: str
) -> None:
    result = HostResult("h", ended)
    reply = answers.reply_of(result, done, failed, timed_out=late)
    assert reply.kind == kind
    assert not reply.message.startswith("error:")


def assert_schema(name: str, body: dict[str, Any]) -> None:
    """Check a document as those who read it get it."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(body)), schema)


BODY: dict[str, Any] = {
    "current": {"image_id": "n", "state": "trial", "rollout": "r", "since": "s", "why": "w"},
    "previous": {"image_id": "o"},
    "running": {"image_id": "n", "unit": "active", "container": True, "health": "healthy"},
    "settled": False, "held": "busy", "problem": "",
    "history": [{"event": "rollback", "image_id": "x", "rollout": "q"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("running", "healthy"),
    [
        ({}, True), ({"health": ""}, True), ({"health": "starting"}, None),
        ({"health": "unhealthy"}, False), ({"container": False}, False),
        ({"unit": "activating"}, False), (None, None),
    ],
)  # fmt: skip
def test_a_device_by_its_own_word(running: dict[str, Any] | None, healthy: bool | None) -> None:
    now = None if running is None else {**BODY["running"], **running}
    device = answers.device({**BODY, "running": now})
    assert device.healthy is healthy
    assert (device.image_id, device.trial, device.previous, device.held) == ("n", True, "o", "busy")
    assert device.went_back("x", "q")
    assert not device.went_back("n", "r")


def test_an_empty_device() -> None:
    nothing = {**BODY, "current": None, "previous": None, "history": []}
    assert answers.device(nothing).image_id == ""


KNOWN = ControllerView("r", "rollout", "confirmed", "n", "s", "", False)
GOOD = Device("n", running="n", healthy=True)


@pytest.mark.parametrize(
    ("known", "changes", "drift"),
    [
        (KNOWN, {}, ()),
        (KNOWN, {"image_id": "o", "running": "o"}, ("image",)),
        (KNOWN, {"trial": True}, ("trial",)),
        (KNOWN, {"healthy": False}, ("unhealthy",)),
        (KNOWN, {"running": "o"}, ("running",)),
        (KNOWN, {"problem": "no engine"}, ("running",)),
        (KNOWN, {"settled": False}, ("unsettled",)),
        (None, {}, ("unknown",)),
        (None, {"image_id": "", "running": "", "healthy": False}, ()),
    ],
)
def test_drift(
    known: ControllerView | None, changes: dict[str, Any], drift: tuple[str, ...]
) -> None:
    assert status.drift(known, dataclasses.replace(GOOD, **changes)) == drift


def test_who_does_not_answer_has_drifted() -> None:
    result = status.compare(["a"], {"a": KNOWN}, {"a": Reply("unreachable", "no route")})
    assert (result.rows[0].drift, result.rows[0].answer) == (("unreachable",), "no route")
    assert result.as_json()["drift"] is True
    result = status.compare(["a", "b"], {"a": KNOWN}, {"a": Reply(device=GOOD)})
    assert_schema("fleet-status", result.as_json())


def test_two_names_of_one_machine_have_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    first = Reply(device=dataclasses.replace(GOOD, machine="1" * 64))
    another = Reply(device=dataclasses.replace(GOOD, machine="2" * 64))
    unknown = Reply(device=GOOD)
    replies = {"a": first, "b": another, "c": first, "d": unknown, "e": unknown, "f": first}
    known = dict.fromkeys("abcdef", KNOWN)
    result = status.compare("abcdef", known, replies)
    assert {row.host: row.same_machine for row in result.drifted} == {
        "a": ("c", "f"), "c": ("a", "f"), "f": ("a", "c"),
    }  # fmt: skip
    assert {row.drift for row in result.drifted} == {("twice",)}
    assert_schema("fleet-status", result.as_json())
    assert result.as_json()["hosts"]["a"]["same_machine"] == ["c", "f"]
    views.status_table(result)
    assert "twice: the same machine as c, f" in capsys.readouterr().out


def test_a_board_says_which_machine_it_is() -> None:
    machine = "0123456789abcdef" * 4
    assert answers.device({**BODY, "machine": machine}).machine == machine
    for other in ("", "m", machine[1:], machine + "\n", 1, None, [machine]):
        assert answers.device({**BODY, "machine": other}).machine == ""
    assert answers.device(BODY).machine == ""


@pytest.mark.parametrize(
    ("now", "slow"),
    [(29.0, False), (30.1, True), (None, True), (1.0, False)],
)
def test_slower(now: float | None, slow: bool) -> None:
    after = {} if now is None else {"Hand": now}
    assert bool(gates.slower({"Hand": 20.0}, after, 1.5, 2.0)) == slow
    assert not gates.slower({"Hand": 20.0}, after, 0, 2.0)
    # What takes no time at all may double.
    assert not gates.slower({"Hand": 0.5}, {"Hand": 2.4}, 1.5, 2.0)


def test_results_tell_failures_as_failures(tmp_path: Path) -> None:
    at = sim.world({"a": "", "b": "", 'c"\n': "unhealthy", "d": "holds"})
    plan = Plan(batches=(9,), soak_s=1, held_tries=1, tries=1, stop_at=3)
    record = sim.run(tmp_path / "r.jsonl", at, plan)
    body = results.as_json(record)
    assert_schema("fleet-rollout", body)
    assert (body["result"], body["hosts"]["a"]["state"]) == ("some", "confirmed")
    suite = ET.fromstring(results.junit(record))[0]  # noqa: S314 # our own
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["4", "1", "1"]
    text = results.prometheus(record)
    assert '_success{rollout="r"} 0\n' in text
    assert 'state="confirmed"} 2\n' in text
    assert 'host="c\\"\\n",state="failed"' in text
    results.write(record, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_an_engines_own_words_are_told() -> None:
    """As community.docker says it where a registry is down."""
    text = (
        "Error pulling image 192.0.2.1:5000/x:sha256:0 - 500 Server Error for http+docker://localhost"
        '/v1.41/images/create?tag=sha256%3A0&fromImage=x: Internal Server Error ("Get "https://'
        '192.0.2.1:5000/v2/": dial tcp 192.0.2.1:5000: connect: connection refused")'
    )
    assert answers.plain(text) == (
        'Error pulling image 192.0.2.1:5000/x:sha256:0: Get "https://192.0.2.1:5000/v2/": '
        "dial tcp 192.0.2.1:5000: connect: connection refused"
    )
    assert answers.plain("error: no space") == "no space"


@pytest.mark.parametrize(
    ("state", "unsure", "cure"),
    [
        ("held", False, "--resume r1"),
        ("failed", True, "--resume r1"),
        # It is over for this one: to resume would do nothing.
        ("failed", False, "--limit"),
    ],
)
def test_what_to_do_with_whom_it_did_not_reach(state: str, unsure: bool, cure: str) -> None:
    hosts = Hosts([("a", Host("a", state, unsure=unsure))])
    record = Record("r1", header={"inventory": "hosts.yml"}, hosts=hosts, ended="some")
    with pytest.raises(CheckFailedError) as caught:
        rollout_command.judge(record)
    assert cure in caught.value.cure


def test_why_an_application_is_not_healthy_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    body = {
        **BODY, "held": "", "running": {**BODY["running"], "container": False},
        "ended": "the application ended with exit code 1; its last lines: a [bold]mistake[/x]",
    }  # fmt: skip
    device = answers.device(body)
    assert gates.judge(Reply(device=device), "n", "r") == (f"is not healthy: {body['ended']}", True)
    # Programs of earlier versions say nothing of it.
    assert answers.device(BODY).ended == ""
    views.status_table(status.compare(["a"], {"a": KNOWN}, {"a": Reply(device=device)}))
    assert "a [bold]mistake[/x]" in " ".join(capsys.readouterr().out.split())
