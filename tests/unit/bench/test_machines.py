"""The matrix of machines: its rows, what is compared, and its page."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.machines import command, host, page, rows, trial
from bench.machines.rows import Row
from bench.machines.trial import Bytes, Result
from jetson_kit.core.errors import BadInputError

BYTES = Bytes("sha256:c0", ("sha256:1", "sha256:2"), "a0", "p0")


def result(row: str, made: Bytes | None = BYTES, fault: str = "", commit: str = "abc") -> Result:
    return Result(
        row, "Debian", "3.11.2", "20.10", "", "classic (overlay2)", "2.6", 45.4, 0,
        "output dist", fault, made, "sha256:c0", commit,
    )  # fmt: skip


def test_rows_cover_systems_users_and_stores() -> None:
    made = [row for row in rows.load() if row.image]
    assert {row.suite for row in made} == {"bookworm", "trixie", "sid"}
    assert {row.user for row in made} == {"root", "sudo"}
    assert any(row.daemon for row in made)
    assert any("gcc-aarch64-linux-gnu" in row.packages for row in made)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ('suite = "sid"\nuser = "root"\nfast = true', "has the unknown fast"),
        ('suite = "sid"\nuser = "king"', "its name or user is wrong"),
        ('suite = "sid"\nuser = "root"\n[[row]]\nname = "a"\nsuite = "x"\nuser = "root"', "two"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, facts: str, words: str) -> None:
    table = tmp_path / "rows.toml"
    table.write_text(f'[[row]]\nname = "a"\n{facts}\n')
    with pytest.raises(BadInputError, match=words):
        rows.load(table)


def test_an_unknown_machine_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="no machine windows"):
        rows.named(["windows"])


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(Bytes)])
def test_one_other_byte_is_found(part: str) -> None:
    change: dict[str, Any] = {part: ("x",) if part == "layers" else "x"}
    other = dataclasses.replace(BYTES, **change)
    same = [result("a"), result("b"), result("c", None)]
    assert trial.compare(same) == []
    assert trial.compare([*same, result("d", other)]) == [f"d: its {part} is not that of a"]


def test_a_row_that_ended_otherwise_is_a_fault() -> None:
    assert trial.compare([result("a", None, "exit code 1")]) == ["a: exit code 1"]


def test_a_result_is_read_back_as_it_was_written() -> None:
    for item in (result("a"), result("b", None)):
        assert trial.from_json(json.loads(json.dumps(item.as_json()))) == item


def test_the_page_says_whether_the_bytes_are_the_same() -> None:
    other = dataclasses.replace(BYTES, archive="b1")
    document = {"rows": [result("debian-12").as_json(), result("sid").as_json()]}
    table = page.table(document)
    assert "All 2 images are the same bytes: config c0, 2 layers, archive sha256 a0." in table
    assert "Not run: " in table
    document["rows"] = [result("debian-12").as_json(), result("sid", other).as_json()]
    assert "bytes differ" in page.table(document)
    older = result("sid", other, commit="abd")
    document["rows"] = [result("debian-12").as_json(), older.as_json()]
    assert "bytes differ" not in page.table(document)
    assert trial.compare([result("debian-12"), older]) == []


def test_docs_show_what_was_measured() -> None:
    document = json.loads(command.OUT.read_text(encoding="utf-8"))
    text = page.PAGE.read_text(encoding="utf-8")
    assert f"{page.START}\n{page.table(document)}\n{page.END}" in text


def test_what_is_peculiar_is_shown() -> None:
    row = Row("a", "sid", "sudo", ("clang",), umask="077", folder="my kit", network=False)
    assert row.peculiar() == ["with clang", "umask 077", "folder 'my kit'", "no network"]
    assert row.checkout == "/home/dev/my kit"
    behind = Row("a", "sid", "sudo", proxy=True)
    assert behind.peculiar() == ["only through a proxy with a password"]


def test_variables_of_this_machine_go_on_to_bare_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "https_proxy": "http://proxy.invalid:3128",
        "PIP_INDEX_URL": "https://index.invalid/simple",
        "SSL_CERT_FILE": "/somewhere/of/mine.pem",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    environment = host.environment()
    assert environment["https_proxy"] == "http://proxy.invalid:3128"
    assert environment["PIP_INDEX_URL"] == "https://index.invalid/simple"
    assert environment["SSL_CERT_FILE"] == host.BUNDLE
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_mounts_of_a_command_that_fails_go_with_it(tmp_path: Path) -> None:
    """mmdebstrap as root mounts /proc and more below the root that it makes."""
    script = 'mount -t tmpfs none "$1" && touch "$1/seen" && exit 3'
    # Another user needs to be root in a namespace of users for it to mount at all.
    words = host.apart() or ("unshare", "--map-root-user", "--mount")
    done = subprocess.run([*words, "sh", "-c", script, "-", tmp_path], check=False)
    assert done.returncode == 3
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert list(tmp_path.iterdir()) == []
