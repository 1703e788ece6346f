"""The program that a site's Receptor starts: each request is answered by lines, damage by one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.sites import answers, at_site, here


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def ask(root: Path, request: object, payload: bytes = b"") -> tuple[int, list[dict[str, Any]]]:
    raw = request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n" + payload
    out = io.BytesIO()
    code = at_site.main(root, io.BytesIO(raw), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_site_says_how_it_is(tmp_path: Path) -> None:
    code, lines = ask(tmp_path, {"verb": "hello"})
    assert code == 0
    assert [line["kind"] for line in lines] == ["hello"]
    assert lines[0]["kit"] == ""
    assert lines[0]["protocol"] == answers.PROTOCOL


def test_pieces_of_several_files_come_in_one_request(tmp_path: Path) -> None:
    raws = [b"one" * 100, b"two" * 50]
    names = [hashlib.sha256(raw).hexdigest() for raw in raws]
    rows = [
        {"sha256": names[0], "size": 300, "offset": 0, "bytes": 300},
        {"sha256": names[1], "size": 150, "offset": 0, "bytes": 60},
    ]
    code, lines = ask(tmp_path, {"verb": "pieces", "pieces": rows}, raws[0] + raws[1][:60])
    assert (code, lines[0]["bytes"]) == (0, {names[0]: 300, names[1]: 60})
    assert ask(tmp_path, {"verb": "held", "files": names})[1][0]["bytes"] == lines[0]["bytes"]
    rows = [{"sha256": names[1], "size": 150, "offset": 60, "bytes": 90}]
    assert ask(tmp_path, {"verb": "pieces", "pieces": rows}, raws[1][60:])[0] == 0
    assert (tmp_path / here.INCOMING / names[1]).read_bytes() == raws[1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]\n",
        b'"hello"\n',
        b"\xff\xfe\n",
        b'{"verb": "shell", "command": "id"}\n',
        b'{"verb": null}\n',
        b'{"verb": ["hello"]}\n',
        b'{"verb": "pieces"}\n',
        b'{"verb": "pieces", "pieces": [{"sha256": "x", "size": 1, "offset": 0, "bytes": 1}]}\nx',
        b'{"verb": "rollout", "id": "../../x", "inventory": "a"}\n',
        b'{"verb": "rollout", "id": "20260101-000000-abcdef", "inventory": "../a"}\n',
        b'{"verb": "back", "id": 7}\n',
        b'{"verb": "inspect", "inventory": "hosts.yml"}\n',
        b'{"verb": "inspect", "kind": "../verify", "site": "a", "inventory": "hosts.yml"}\n',
        b'{"verb": "inspect", "kind": ["verify"], "site": "a", "inventory": "hosts.yml"}\n',
        b'{"verb": "inspect", "kind": "verify", "site": "a", "inventory": "../hosts.yml"}\n',
        b'{"verb": "inspect", "kind": "status", "site": "a", "inventory": "gone.yml"}\n',
        b'{"verb": "evidence", "kind": "verify", "host": "../../passwd", "sha256": ""}\n',
        b'{"verb": "evidence", "kind": "..", "host": "b1", "sha256": ""}\n',
        b'{"verb": "evidence", "kind": "verify", "host": "b1", "sha256": ""}\n',
        b'{"verb": "kit", "sha256": "../../etc/passwd"}\n',
        b'{"verb": "release", "name": "../out", "files": {}, "inventory": "hosts",'
        b' "inventory_bytes": 0, "pieces": []}\n',
        b'{"verb": "release", "name": "a", "files": {}, "inventory": "hosts"}\n',
    ],
)
def test_what_is_no_request_is_one_line_and_changes_nothing(tmp_path: Path, raw: bytes) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code, lines = ask(root, raw)
    assert code in (2, 70)
    assert [line["kind"] for line in lines] == ["error"]
    assert "\n" not in lines[0]["message"]
    assert [path for path in root.rglob("*") if path.is_file()] == []


def packed(*members: tarfile.TarInfo) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return raw.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    result = tarfile.TarInfo(name)
    result.type, result.linkname, result.size = kind, to, 1 if kind == tarfile.REGTYPE else 0
    return result


@pytest.mark.parametrize(
    "members",
    [
        [member("../hosts")],
        [member("other")],
        [member("/etc/cron.d/hosts")],
        [member("hosts", tarfile.SYMTYPE, "/etc/shadow")],
        [member("hosts", tarfile.DIRTYPE), member("hosts/link", tarfile.SYMTYPE, "/")],
        [member("hosts", tarfile.CHRTYPE)],
        [member("hosts", tarfile.DIRTYPE), member("hosts/../../x")],
    ],
)
def test_an_inventory_that_leads_elsewhere(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code, lines = ask(root, {"verb": "inventory", "name": "hosts"}, packed(*members))
    assert (code, lines[0]["kind"]) == (2, "error")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_inventory_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for kind in (tarfile.REGTYPE, tarfile.REGTYPE):
        assert (
            ask(tmp_path, {"verb": "inventory", "name": "hosts"}, packed(member("hosts", kind)))[0]
            == 0
        )
    folder = packed(member("hosts", tarfile.DIRTYPE), member("hosts/a"))
    (tmp_path / "inventory" / "hosts").unlink()
    for _ in range(2):
        assert ask(tmp_path, {"verb": "inventory", "name": "hosts"}, folder)[0] == 0
    assert [path.name for path in (tmp_path / "inventory").rglob("*")] == ["hosts", "a"]
