"""All sites' lines as one result: its files, its exit code, and the last one kept."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from jetson_kit.core.errors import BadInputError, BrokenError, CheckFailedError, IntegrityError
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.inspection import central, command, result
from jetson_kit.inspection.central import SiteResult
from jetson_kit.report import summary
from tests.unit.inspection.test_inspection_intake import GOOD

BERLIN, TOKYO = SiteResult("berlin", 2, certificate_days=700), SiteResult("tokyo", 1)
AWAY = SiteResult("tokyo", 1, "tokyo gave no sign of life for 60 s")
BAD = replace(
    GOOD, host="b2", verdict="cpu", good=False, reasons=("no <driver>",), evidence="b" * 64
)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))


def merged(*events: summary.Summary | SiteResult) -> result.Inspection:
    return result.merged("verify", events, 10.0)


def test_all_good_is_no_error() -> None:
    inspection = merged(GOOD, BERLIN, replace(GOOD, site="tokyo", evidence="c" * 64), TOKYO)
    inspection.check()
    assert inspection.as_json()["good"]
    assert [site.site for site in inspection.sites] == ["berlin", "tokyo"]


def test_the_document_fits_its_schema() -> None:
    board, whole = (
        json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        for name in ("board-summary", "sites-inspection")
    )
    registry: Registry[Any] = Resource.from_contents(board) @ Registry()
    validator = Draft202012Validator(whole, registry=registry)
    body = json.loads(json.dumps(merged(GOOD, BAD, BERLIN, AWAY).as_json()))
    assert list(validator.iter_errors(body)) == []
    assert list(validator.iter_errors({**body, "boards": [{**GOOD.as_json(), "good": 1}]}))


@pytest.mark.parametrize(
    ("events", "code", "named"),
    [
        ((GOOD, BAD, BERLIN), 1, "1 of 2 boards: berlin/b2"),
        ((GOOD, replace(BAD, verdict="broken"), BERLIN), 11, "berlin/b2"),
        ((GOOD, BERLIN, AWAY), 1, "tokyo: tokyo gave no sign of life for 60 s"),
        ((replace(BAD, verdict="broken"), BERLIN, AWAY), 11, "tokyo gave no sign"),
        ((GOOD, replace(BERLIN, certificate_days=3)), 1, "good for 3 days"),
        ((GOOD, replace(BERLIN, clock_ahead_s=-4000.0)), 1, "differs by -4000 s"),
    ],
)
def test_the_worst_decides_and_is_named(
    events: tuple[summary.Summary | SiteResult, ...], code: int, named: str
) -> None:
    with pytest.raises(BrokenError if code == 11 else CheckFailedError, match=named) as caught:
        merged(*events).check()
    assert caught.value.exit_code == code


def test_junit_has_a_suite_for_each_site() -> None:
    absent = summary.absent("verify", "tokyo", "t1", AWAY.problem)
    top = ET.fromstring(merged(BAD, GOOD, BERLIN, absent, AWAY).junit())  # noqa: S314 # our own
    counts = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in top}
    assert counts == {"berlin": ("3", "1"), "tokyo": ("2", "2")}
    (failure,) = top.findall("./testsuite[@name='berlin']//failure")
    assert failure.get("message") == "cpu; no <driver>"


def test_gauges_of_all_sites() -> None:
    text = merged(GOOD, BAD, BERLIN, AWAY).prometheus().splitlines()
    prefix = "mediapipe_jetson_sites_"
    assert f'{prefix}board_good{{kind="verify",site="berlin",host="b1"}} 1' in text
    assert f'{prefix}board_good{{kind="verify",site="berlin",host="b2"}} 0' in text
    assert f'{prefix}site_up{{kind="verify",site="tokyo"}} 0' in text


def test_the_last_one_is_read_as_it_was_written(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no sites\.verify"):
        result.last("verify")
    inspection = merged(GOOD, BAD, BERLIN, AWAY)
    path = result.keep(inspection)
    assert result.last("verify") == inspection
    for damage in (
        "{",
        "[]",
        '{"kind": "verify"}',
        json.dumps({**inspection.as_json(), "boards": [1]}),
    ):
        path.write_text(damage)
        with pytest.raises(IntegrityError, match="is damaged"):
            result.last("verify")


def test_sites_that_were_left_out_stay_as_they_were(tmp_path: Path) -> None:
    result.keep(merged(GOOD, BAD, BERLIN, AWAY))
    result.keep(merged(replace(GOOD, verdict="cpu", good=False), BERLIN), ["tokyo"])
    last = result.last("verify")
    assert [site.site for site in last.sites] == ["berlin", "tokyo"]
    assert [board.verdict for board in last.boards if board.site == "berlin"] == ["cpu"]
    # A site that is in the file no more goes.
    result.keep(merged(GOOD, BERLIN), ["paris"])
    assert [site.site for site in result.last("verify").sites] == ["berlin"]


def test_one_report_is_no_evidence_of_two_boards() -> None:
    """A site that has one good board could show it as all of its boards."""
    copied = replace(GOOD, site="tokyo", host="t1")
    inspection = merged(GOOD, BERLIN, copied, TOKYO, BAD)
    by_host = {board.host: board for board in inspection.boards}
    assert by_host["b2"] == BAD
    for host, other in (("b1", "tokyo/t1"), ("t1", "berlin/b1")):
        board = by_host[host]
        assert (board.verdict, board.good, board.state) == ("unknown", False, "contradicted")
        assert board.reasons[0] == f"its evidence is also that of {other}"
        assert summary.parse(board.as_json()) == board
    with pytest.raises(CheckFailedError, match="3 of 3 boards"):
        inspection.check()
    # Of the doctor two boards may well have the same, and without evidence there is nothing.
    for kind, evidence in (("doctor", "a" * 64), ("verify", "")):
        rows = [replace(row, kind=kind, evidence=evidence) for row in (GOOD, copied)]
        assert merged(*rows).boards == tuple(rows)


SEEN = replace(
    GOOD,
    kind="status",
    verdict="well",
    expected="well",
    evidence="c" * 64,
    reasons=(),
    machine="1" * 64,
)


def test_one_machine_at_two_sites_has_drifted_at_both() -> None:
    boards = (
        SEEN, replace(SEEN, host="b3", machine="2" * 64), replace(SEEN, host="b4", machine=""),
        replace(SEEN, site="tokyo", host="t1"), replace(SEEN, site="tokyo", host="t2", machine=""),
    )  # fmt: skip
    inspection = result.merged("status", (*boards, replace(BERLIN, boards=3), TOKYO), 10.0)
    assert {board.host: board.reasons[0] for board in inspection.bad} == {
        "b1": "the same machine as tokyo/t1", "t1": "the same machine as berlin/b1",
    }  # fmt: skip
    assert {board.verdict for board in inspection.bad} == {"drifted"}
    for board in inspection.boards:
        assert summary.parse(board.as_json()) == board


def test_the_site_that_is_shown_later_tells_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = replace(SEEN, site="tokyo", host="t1")
    monkeypatch.setattr(central, "run", lambda request: iter((SEEN, BERLIN, twin, TOKYO)))
    request = central.Request("status", tmp_path / "sites.toml")
    shown = {
        site.site: [(board.verdict, board.reasons) for board in boards]
        for site, boards in command.statuses(request, command.Outputs())
    }
    assert shown == {
        "berlin": [("well", ())],
        "tokyo": [("drifted", ("the same machine as berlin/b1",))],
    }
    assert [board.verdict for board in result.last("status").boards] == ["drifted", "drifted"]
