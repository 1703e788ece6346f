"""Two sites over a real mesh: their boards inspected there, and one result of all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.sites import world as worlds
from bench.sites.world import World
from tests.support.here import needs_parts, not_here_if

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    not_here_if(os.geteuid() != 0, "namespaces and overlays need root"),
    needs_parts("ip", "sshd", "rsync", "busybox"),
]
BOARDS = [(site, f"{site}-light-{number}") for site in worlds.SITES for number in (1, 2)]


def inspect(world: World, kind: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the document, and standard error."""
    code, out, err = world.inv(f"sites.{kind}", "-i", world.file, "--json", *arguments)
    return code, json.loads(out), err


def test_every_board_is_verified_at_its_site(joined: World, tmp_path: Path) -> None:
    junit, gauges = tmp_path / "junit.xml", tmp_path / "sites.prom"
    code, body, err = inspect(
        joined, "verify", "--junit", str(junit), "--prometheus", str(gauges), "--wait", "120"
    )
    # Light endpoints have no MediaPipe: every board is judged, none is as expected.
    assert code == 1, err
    assert [(row["site"], row["host"]) for row in body["boards"]] == BOARDS
    assert not any(row["good"] for row in body["boards"])
    assert all(row["reasons"] for row in body["boards"])
    assert [row["problem"] for row in body["sites"]] == ["", ""]
    suites = ET.parse(junit).getroot()  # noqa: S314 # our own
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [
        ("berlin", "2"),
        ("tokyo", "2"),
    ]
    listed = re.findall(
        r'board_good\{kind="verify",site="(\w+)",host="([\w-]+)"\} 0', gauges.read_text()
    )
    assert listed == BOARDS
    assert "4 of 4 boards" in err


def test_causes_are_found_at_the_site(joined: World) -> None:
    code, body, err = inspect(joined, "doctor", "--wait", "120")
    assert [row["problem"] for row in body["sites"]] == ["", ""]
    assert code == 1, err
    assert [(row["site"], row["host"]) for row in body["boards"]] == BOARDS
    assert {row["verdict"] for row in body["boards"]} == {"ill"}
    assert all(row["reasons"] and row["evidence"] for row in body["boards"])


def test_evidence_stays_at_the_site(joined: World) -> None:
    row = status(joined)["berlin"]["hosts"]["berlin-light-1"]
    path = joined.places["berlin"].folder / "evidence" / "status" / "berlin-light-1.json"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["evidence"]
    assert len(path.read_bytes()) == row["bytes"]


def status(world: World) -> dict[str, Any]:
    """Return each site's row."""
    arguments = ("sites.status", "-i", world.file, "--json", "--wait", "60")
    code, out, err = world.inv(*arguments)
    assert code == 0, err
    return {row["site"]: row for row in map(json.loads, out.splitlines())}


def test_a_click_fetches_the_evidence_that_was_judged(joined: World, tmp_path: Path) -> None:
    output = tmp_path / "board.html"
    arguments = ("sites.report", "-i", joined.file, "--of", "status", "--output", output)
    status(joined)
    assert joined.inv(*arguments)[0] == 0
    assert output.read_text().count("berlin-light-1") == 1
    code, _, err = joined.inv(*arguments, "--board", "berlin/berlin-light-1")
    assert code == 0, err
    assert "&quot;device&quot;" in output.read_text()
    # Evidence that is another than the line's is not shown.
    path = joined.places["berlin"].folder / "evidence" / "status" / "berlin-light-1.json"
    path.write_text(path.read_text() + " ")
    code, _, err = joined.inv(*arguments, "--board", "berlin/berlin-light-1")
    assert code == 5
    assert "was inspected again since" in err
    # A site that has no such evidence, and one that is not there.
    path.unlink()
    code, _, err = joined.inv(*arguments, "--board", "berlin/berlin-light-1")
    assert (code, err.count("error: ")) == (2, 1)
    assert joined.inv(*arguments, "--board", "berlin/nobody")[0] == 2


LIES = """#!/usr/bin/python3
import json, subprocess, sys
from pathlib import Path
raw = sys.stdin.buffer.read()
request = json.loads(raw.partition(b"\\n")[0])
if request["verb"] == "inspect":
    row = json.loads(Path("LINE").read_text())
    HOW
else:
    done = subprocess.run([Path(__file__).with_name("run.kept")], input=raw, check=False)
    sys.exit(done.returncode)
"""
HOWS = {
    "it has no board 'tokyo-light-1'": 'row["host"] = "tokyo-light-1"; put(row)',
    "it sent berlin-light-1 twice": "put(row); put(row)",
    "more than 98304 bytes": 'print("x" * 3_000_000, flush=True)',
    "more lines than it has boards": 'while True: print(\'{"kind": "beat"}\', flush=True)',
    "control characters": 'row["remedy"] = "\\x1b[2J"; put(row)',
}


def running(program: str) -> list[Path]:
    """Return the processes of an interpreter that runs this program."""
    result = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if program.encode() in path.read_bytes().split(b"\0")[1:2]:
                result.append(path)
    return result


def wait_for(what: Callable[[], bool], limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.5)


@pytest.mark.parametrize("problem", HOWS)
def test_a_site_that_lies_is_named_and_the_other_one_is_believed(
    joined: World, tmp_path: Path, problem: str
) -> None:
    line = tmp_path / "line.json"
    line.write_text(json.dumps(status(joined)["berlin"]["hosts"]["berlin-light-1"]))
    put = 'put = lambda row: print(json.dumps({"kind": "board", "board": row}), flush=True)'
    script = LIES.replace("LINE", str(line)).replace("HOW", f"{put}\n    {HOWS[problem]}")
    with worlds.instead_of_run(joined, script):
        sites = status(joined)
    assert problem in sites["berlin"]["problem"]
    # Nothing goes on there.
    wait_for(lambda: not running(str(joined.places["berlin"].folder / "run")))
    assert sites["tokyo"]["problem"] == ""
    assert [row["state"] for row in sites["tokyo"]["hosts"].values()] == ["sound", "sound"]
    assert len(sites["berlin"]["hosts"]) == 2


def test_a_site_that_is_away_is_named_and_its_boards_count_as_failed(joined: World) -> None:
    worlds.cut(joined, "tokyo", whole=False)
    try:
        code, body, err = inspect(joined, "doctor", "--wait", "60")
    finally:
        worlds.cut(joined, "tokyo", whole=True)
    assert code == 1
    problems = {row["site"]: row["problem"] for row in body["sites"]}
    assert problems["berlin"] == ""
    assert problems["tokyo"]
    away = [row for row in body["boards"] if row["site"] == "tokyo"]
    assert [(row["verdict"], row["good"]) for row in away] == [("none", False)] * 2
    assert "tokyo" in err
