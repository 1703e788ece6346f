"""Lines that a site makes of what verify, doctor and status return, and the evidence it sends."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.rollout.status import Row
from jetson_kit.fleet.rollout.transport import Device
from jetson_kit.fleet.sites import at_site
from jetson_kit.inspection import at_site as inspection
from jetson_kit.inspection import lines
from jetson_kit.report import summary
from jetson_kit.verify.host_results import Case, HostResult
from tests.unit.report import samples as sample

IMAGE = "sha256:" + "1" * 64


def ask(root: Path, request: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    out = io.BytesIO()
    code = at_site.main(root, io.BytesIO(json.dumps(request).encode() + b"\n"), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_report_is_judged_where_it_lies(tmp_path: Path) -> None:
    path = sample.put(tmp_path, "b1", sample.board(), time.time())
    result = HostResult("b1", "gpu", True, "gpu", report="b1.json")
    line = lines.verified("berlin", result, tmp_path, {})
    assert (line.verdict, line.good, line.state) == ("gpu", True, "sound")
    assert line.evidence == hashlib.sha256(path.read_bytes()).hexdigest()
    assert line.bytes == path.stat().st_size
    assert summary.parse(json.loads(json.dumps(line.as_json()))) == line


def test_a_report_that_says_what_it_does_not_show_is_not_believed(tmp_path: Path) -> None:
    sample.put(tmp_path, "b1", {**sample.real("software"), "verdict": "gpu"}, time.time())
    result = HostResult("b1", "gpu", True, "gpu", report="b1.json")
    line = lines.verified("berlin", result, tmp_path, {})
    assert (line.verdict, line.good, line.state) == ("unknown", False, "contradicted")


def test_failed_tests_make_a_board_with_a_good_report_bad(tmp_path: Path) -> None:
    sample.put(tmp_path, "b1", sample.board(), time.time())
    failed = (Case("test_limits", "memory: none\n\x1b[31mset one"),)
    result = HostResult("b1", "gpu", False, "gpu", report="b1.json", failed=failed)
    line = lines.verified("berlin", result, tmp_path, {})
    assert (line.verdict, line.good) == ("gpu", False)
    assert any("test_limits: memory: none" in reason for reason in line.reasons)
    assert summary.parse(line.as_json()) == line


def test_a_board_without_a_report_has_the_reason(tmp_path: Path) -> None:
    result = HostResult("b1", "gpu", False, None, reason="ssh: no route to host")
    line = lines.verified("berlin", result, tmp_path, {})
    assert (line.verdict, line.state, line.reasons) == ("none", "absent", (result.reason,))
    assert line.evidence == ""


@pytest.mark.parametrize(
    ("row", "verdict", "good"),
    [
        (Row("b1", None, Device(IMAGE, healthy=True), "", ()), "well", True),
        (Row("b1", None, Device(IMAGE, healthy=False), "", ("unhealthy",)), "drifted", False),
        (Row("b1", None, None, "no answer", ("unreachable",)), "none", False),
    ],
)
def test_a_status_line(row: Row, verdict: str, good: bool) -> None:
    line = lines.looked_at("berlin", row, {IMAGE: "r36.4.4"}, 1.5, "a" * 64, 10)
    assert (line.verdict, line.good) == (verdict, good)
    assert line.release == ("r36.4.4" if row.device else "")
    assert summary.parse(line.as_json()) == line


def test_evidence_comes_whole_and_only_that_which_was_judged(tmp_path: Path) -> None:
    place = tmp_path / inspection.EVIDENCE / "doctor"
    place.mkdir(parents=True)
    raw = json.dumps({"causes": [str(number) * 99 for number in range(9_000)]}).encode()
    (place / "b1.json").write_bytes(raw)
    request = {"verb": "evidence", "kind": "doctor", "host": "b1"}
    code, answers = ask(tmp_path, {**request, "sha256": hashlib.sha256(raw).hexdigest()})
    assert code == 0
    assert answers[-1] == {"kind": "end", "pieces": len(answers) - 1}
    packed = "".join(answer["data"] for answer in answers[:-1])
    assert gzip.decompress(base64.b64decode(packed)) == raw
    code, answers = ask(tmp_path, {**request, "sha256": "0" * 64})
    assert (code, answers[0]["kind"]) == (5, "error")
    assert "inspected again since" in answers[0]["message"]
