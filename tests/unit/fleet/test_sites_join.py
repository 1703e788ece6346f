"""./join of a site's archive: every refusal is one line with its code and leaves nothing behind."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from jetson_kit.fleet.sites import (
    authority,
    central,
    install,
    join_checks,
    join_program,
    node,
)
from tests.unit.fleet.site_archive import SITES, SLOW_UV, Archive, refused


@pytest.mark.parametrize("name", central.PROGRAMS)
def test_what_runs_before_the_version_check_is_python_3_8(name: str) -> None:
    ast.parse((SITES / name).read_text(), feature_version=(3, 8))


def test_hashes_need_no_python_3_11(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(hashlib, "file_digest")
    sha256 = str(archive.facts["kit"])
    assert install.install(archive.place / "kit.tar", sha256, tmp_path / "s").name == sha256[:16]


@pytest.mark.parametrize("raw", [None, b"\x89PNG\xff\xfe", b"", b"[]", b"{}", b"3", b"[" * 100_000])
def test_a_damaged_join_json(archive: Archive, raw: bytes | None) -> None:
    path = archive.place / "join.json"
    path.unlink()
    if raw is not None:
        path.write_bytes(raw)
    refused(archive, 5, "join.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("site", "../berlin"),
        ("site", "-x"),
        ("token", ""),
        ("token", "a b" * 20),
        ("made", "yesterday"),
        ("expires", "2026-13-45"),
        ("expires", "2030-01-01T00:00:00"),
        ("expires", 7),
        ("address", ""),
        ("address", "-oProxyCommand=x"),
        ("address", "host/path"),
        ("port", 0),
        ("port", 70000),
        ("port", -1),
        ("port", True),
        ("port", "27198"),
        ("port", 1.5),
        ("authority", ""),
        ("authority", "no certificate"),
        ("authority", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("kit", "../../x"),
        ("receptor", "A" * 64),
        ("receptor", None),
    ],
)
def test_a_damaged_value_in_join_json(archive: Archive, name: str, value: object) -> None:
    path = archive.place / "join.json"
    path.write_text(json.dumps({**archive.facts, name: value}))
    refused(archive, 5, f"is damaged: {name} is ")


def test_all_damaged_values_of_join_json_are_told_at_once(archive: Archive) -> None:
    facts = {**archive.facts, "port": "x", "expires": "never", "token": "se cret"}
    del facts["address"]
    (archive.place / "join.json").write_text(json.dumps(facts))
    status, _, err = archive.join(archive.folder)
    assert status == 5
    problems = [line.partition(" is damaged: ")[2].partition(";")[0] for line in err.splitlines()]
    assert problems == [
        "token is no such", "expires is 'never'", "address is missing", "port is 'x'"
    ]  # fmt: skip
    assert "cret" not in err
    assert not archive.folder.exists()


def test_an_unreadable_join_json(archive: Archive) -> None:
    path = archive.place / "join.json"
    path.unlink()
    path.mkdir()
    refused(archive, 2, "join.json can't be read")


@pytest.mark.parametrize("name", ["kit.tar", "receptor"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_damaged_archive(archive: Archive, name: str, missing: bool) -> None:
    path = archive.place / name
    if missing:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    refused(archive, 5, f"{name} is damaged")


@pytest.mark.parametrize("raw", [b"no tar at all", b""])
def test_a_kit_that_is_none(archive: Archive, raw: bytes) -> None:
    (archive.place / "kit.tar").write_bytes(raw)
    archive.sums()
    refused(archive, 5, "is no kit")


@pytest.mark.parametrize("other", [{"python": "3.99"}, {"machine": "riscv64"}])
def test_a_kit_for_another_machine(archive: Archive, other: dict[str, str]) -> None:
    archive.write(**other)
    refused(archive, 2, "correct arch and python of the site")


def test_programs_that_are_not_installed(archive: Archive, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, program in (("python3", sys.executable), ("dirname", "/usr/bin/dirname")):
        (programs / name).symlink_to(program)
    refused(archive, 3, "not installed here: ssh, ssh-keygen, rsync", PATH=str(programs))
    (programs / "python3").unlink()
    refused(archive, 3, "there is no python3", PATH=str(programs))


def test_a_path_that_is_too_long_for_a_socket(archive: Archive, tmp_path: Path) -> None:
    refused(archive, 2, "too long for a socket", tmp_path / ("x" * 100) / "y")


@pytest.mark.parametrize("call", [["-x"], ["--stop"], ["a", "b"], [""], ["--help", "x"]])
def test_a_wrong_command_line(archive: Archive, call: list[str]) -> None:
    refused(archive, 2, "--help", *call)


def test_help(archive: Archive) -> None:
    assert archive.join("--help") == (0, join_program.USAGE, "")


def test_folders_that_are_none(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    refused(archive, 2, "is no folder", file)
    refused(archive, 2, "is no folder", file / "below")
    refused(archive, 2, "characters", tmp_path / "a\nb")
    refused(archive, 2, "", "~nobody-of-this-name/x")


@pytest.mark.parametrize("kind", ["file", "kits", "current", "elsewhere", "kits-link"])
def test_a_folder_that_holds_something_else(archive: Archive, tmp_path: Path, kind: str) -> None:
    folder = archive.folder
    folder.mkdir()
    (tmp_path / "other").mkdir()
    match kind:
        case "file":
            (folder / "letter.txt").write_text("x")
        case "kits":
            (folder / "kits" / "football").mkdir(parents=True)
        case "current":
            (folder / "kits").mkdir()
            (folder / "current").mkdir()
        case "elsewhere":
            (folder / "kits").mkdir()
            (folder / "current").symlink_to(tmp_path / "other")
        case _:
            (folder / "kits").symlink_to(tmp_path / "other")
    refused(archive, 2, "holds something else")


def test_a_disk_without_room(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join_checks, "ROOM", 1 << 40)
    with pytest.raises(join_checks.JoinError, match="MiB are free") as caught:
        join_checks.check_machine(archive.place, archive.facts, tmp_path / "s")
    assert caught.value.code == 6


def test_a_failed_step_removes_a_new_folder_and_leaves_a_site(archive: Archive) -> None:
    archive.write(uv="#!/bin/sh\necho No space left on device >&2; exit 1\n")
    refused(archive, 6, "No space left", archive.folder / "deeper" / "still")
    (archive.folder / "kits").mkdir(parents=True)
    (archive.folder / "node").mkdir()
    status, _, _ = archive.join(archive.folder)
    assert status == 6
    assert (archive.folder / "node").is_dir()


def test_a_controller_that_does_not_answer(archive: Archive, tmp_path: Path) -> None:
    by = authority.ensure(tmp_path / "authority")
    archive.sums(authority=by.certificate.read_text(), port=1)
    refused(archive, 4, "does not answer at 127.0.0.1:1")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_all(
    archive: Archive, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    archive.write(uv=SLOW_UV)
    mark = tmp_path / "mark"
    process = archive.start(archive.folder, MARK=str(mark))
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "error: stopped; run ./join again\n")
    assert not archive.folder.exists()
    # It got the signal as well; a busy machine lets it end a little later.
    while node._began(int(mark.read_text())):
        time.sleep(0.01)
