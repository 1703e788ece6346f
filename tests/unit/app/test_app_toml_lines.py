"""A jetson.toml that is no TOML: all its faults at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.core.errors import BadInputError

MEGABYTES = 'max_mb is "x", write how many megabytes the folder may have, a whole number from 1 to'


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            'name = "a"\nname = "b"\nmax_mb = "x"\n[service]\nports = ["80"]\n[service]\nx = 1\n',
            [
                "line 2: name is there already in line 1, leave one of them",
                f"line 3: {MEGABYTES}",
                'line 5: service.ports[0] is "80", write BOARD:APPLICATION',
                "line 6: [service] is there already in line 4, leave one of them",
            ],
        ),
        (
            'ignore = [\n "a",\n]\nignore = [\n "b=c",\n "d",\n]\n[service]\nnetwork = "hots"\n',
            [
                "line 4: ignore is there already in line 1, leave one of them",
                'line 9: service.network is "hots", write one of none, bridge, host',
            ],
        ),
        (
            '[environment]\nA = "1"\n"A" = "2"\n[service]\n[environment]\nB = "1"\n[heath]\n',
            [
                "line 3: A is there already in line 2, leave one of them",
                "line 5: [environment] is there already in line 1, leave one of them",
                "line 7: heath is no key of jetson.toml, did you mean health?",
            ],
        ),
        (
            "name = a\nports = [\n",
            [
                "line 1: name is not TOML: Invalid value, write text in quotes",
                "line 2: ports is not TOML: Invalid value (at end of document)",
            ],
        ),
        (
            'nme = "x"\ncommand = ["python3", "app.py"\nname = "x"\n',
            [
                "line 1: nme is no key of jetson.toml, did you mean name?",
                "line 2: command is not TOML: Unclosed array",
            ],
        ),
        (
            'name = "x\nmax_mb = "x"\n',
            ["line 1: name is not TOML: Illegal", f"line 2: {MEGABYTES}"],
        ),
        ('{"name": "x"}\n', ["line 1: is not TOML: Invalid statement"]),
        (
            'nme = "a"\n\nword\n[service\nports = ["80:80"]\n[environment]\nA: 1\nB = 1\n',
            [
                "line 1: nme is no key of jetson.toml, did you mean name?",
                "line 3: is not TOML: Expected '=' after a key",
                "line 4: is not TOML: Expected ']' at the end of a table declaration",
                "line 7: is not TOML: Expected '=' after a key",
                "line 8: environment.B is 1, write text in quotes",
            ],
        ),
        (
            '[service]]\nport = 1\n[health\nretries = "x"\n[[test]]\nfolder = 1\n',
            [
                "line 1: is not TOML: Expected newline",
                "line 2: service.port is no key of jetson.toml, did you mean ports?",
                "line 3: is not TOML: Expected ']' at the end of a table declaration",
                'line 4: health.retries is "x", write',
                'line 5: test is [{"folder": 1}], write a table [test]',
            ],
        ),
        (
            'ignore = [\n "a",\n "b"\n "c"\n]\nname = """\nx\n""" y\n',
            [
                "line 1: ignore is not TOML: Unclosed array",
            ],
        ),
        (
            "name: x\nmax_mb = 'x'\n",
            ["line 1: is not TOML: Expected '=' after a key", f"line 2: {MEGABYTES}"],
        ),
    ],
)
def test_all_faults_at_once(tmp_path: Path, text: str, faults: list[str]) -> None:
    (tmp_path / "jetson.toml").write_text(text)
    with pytest.raises(BadInputError) as raised:
        settings.load(tmp_path)
    clauses = raised.value.message.removeprefix(f"{tmp_path / 'jetson.toml'}: ").split("; ")
    assert len(clauses) == len(faults)
    for clause, fault in zip(clauses, faults, strict=True):
        assert clause.startswith(fault)
    assert raised.value.cure == "correct it"


def test_no_more_than_twenty(tmp_path: Path) -> None:
    (tmp_path / "jetson.toml").write_text("name = a\n" * 40)
    with pytest.raises(BadInputError) as raised:
        settings.load(tmp_path)
    assert raised.value.message.count("is not TOML") == 20


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "jetson.toml").write_text("camera = rtsp://me:hunter2@cam/1\n[a]\nb = hunter2\n")
    with pytest.raises(BadInputError) as raised:
        settings.load(tmp_path)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("mark", ["\u0085", "\u2028", "\u2029"])
def test_what_ends_no_line_of_toml(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "jetson.toml"
    path.write_bytes(f'# a{mark}b\r\nenvironment.A = "a"\r\n'.encode())
    (tmp_path / "app.py").touch()
    assert settings.load(tmp_path).environment == {"A": "a"}
    path.write_bytes(f'# a{mark}b\r\nenvironment.A = "a{mark}b"\r\nnme = 1\n'.encode())
    with pytest.raises(BadInputError, match=r": line 2: environment.A is .*; line 3: nme is no"):
        settings.load(tmp_path)
