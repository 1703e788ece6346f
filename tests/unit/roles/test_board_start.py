"""What starts the container: the unit's arguments, filled with what current.env says."""

from __future__ import annotations

import ast
import importlib.util
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from jetson_kit.core.paths import COLLECTION
from tests.unit.board_program import Program
from tests.unit.roles.test_fleet_image_roles import LATER

SERVICE = COLLECTION / "roles" / "service"
START = SERVICE / "files" / "mediapipe_start.py"
IMAGE, OTHER = ("sha256:" + digit * 64 for digit in "12")
HARD = [
    "plain", "two words", 'a "quoted" one', "it's", "$HOME ${HOME} $$", "%n 100%", "back\\slash\\",
    "{image}", "{options}", "{{image}}", "{", "}{", "{{{", "$MEDIAPIPE_IMAGE", "", "*", "Ünï 摄",
]  # fmt: skip


@pytest.fixture
def start() -> Any:
    spec = importlib.util.spec_from_file_location("mediapipe_start", START)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unit(arguments: list[str], environment: dict[str, str], command: list[str]) -> str:
    loader = jinja2.FileSystemLoader(SERVICE / "templates")
    env = jinja2.Environment(loader=loader, trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    return env.get_template("mediapipe.service.j2").render(
        ansible_managed="", service_lib="/var/lib/mediapipe-jetson", service_words=arguments,
        service_container={"name": "mediapipe", "command": command, "restart": "unless-stopped"},
        service_environment=environment,
    )  # fmt: skip


def as_systemd_reads(text: str) -> list[str]:
    """Return the arguments of the line that starts the container, without the program."""
    lines = text.replace("\\\n", " ").splitlines()
    line = next(line for line in lines if "/mediapipe-start " in line).partition("=")[2]
    arguments = shlex.split(line)
    assert all("%" not in word.replace("%%", "") for word in arguments)
    assert all("$" not in word.replace("$$", "") for word in arguments)
    return [word.replace("%%", "%").replace("$$", "$") for word in arguments][1:]


def test_nothing_lets_systemds_first_process_read_the_file() -> None:
    """It would wait for ever for a FIFO there, and with it all services of the board."""
    for path in (SERVICE / "templates").iterdir():
        assert "EnvironmentFile" not in path.read_text(), path


def test_every_word_arrives_as_it_was_meant(start: Any, program: Program, monkeypatch: Any) -> None:
    environment = {f"V{number}": word for number, word in enumerate(HARD)}
    file, *arguments = as_systemd_reads(unit(HARD, environment, HARD))
    assert file == "/var/lib/mediapipe-jetson/current.env"
    device = ["--env", 'A=it\'s "so"', "--env", "B=back\\slash", "--group-add", "44"]
    monkeypatch.setattr(program.service, "device_options", lambda _settings: device)
    program.service.write_env(IMAGE, program.settings.Settings())
    result = start.filled(arguments, start.text_of(str(program.service.ENV)))
    assert result == [
        "--detach", *HARD, "--env=MEDIAPIPE_JETSON_ONE_OUTPUT=1",
        *(f"--env=V{n}={word.replace('{image}', IMAGE)}" for n, word in enumerate(HARD)),
        *device, IMAGE, *HARD,
    ]  # fmt: skip


def test_options_stay_where_the_settings_are_damaged(program: Program, monkeypatch: Any) -> None:
    device = ["--env", 'A=it\'s "so" \\']
    monkeypatch.setattr(program.service, "device_options", lambda _settings: device)
    program.service.write_env(IMAGE, program.settings.Settings())
    before = program.service.ENV.read_text()
    program.service.write_env(OTHER, None)
    assert program.service.ENV.read_text() == before.replace(IMAGE, OTHER)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.rename(path.with_name("x"))
    path.symlink_to("x")


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "a FIFO": fifo,
    "a folder": folder,
    "an endless file": endless,
    "a huge file": lambda path: os.truncate(path, 1 << 40),
    "a link": link,
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "no text": lambda path: path.write_bytes(os.urandom(300)),
    "writable by all": lambda path: path.chmod(0o666),
    "an open quote": lambda path: path.write_text(
        f'MEDIAPIPE_IMAGE={IMAGE}\nMEDIAPIPE_DEVICE_OPTIONS="--env \'x"\n'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_ends_the_start_at_once(
    start: Any, program: Program, monkeypatch: Any, capsys: Any, damage: Callable[[Path], object]
) -> None:
    program.service.write_env(IMAGE, None)
    monkeypatch.setattr(start.os, "execv", lambda *arguments: pytest.fail(str(arguments)))
    damage(program.service.ENV)
    assert start.main([str(program.service.ENV), "{options}", "{image}"]) == 5
    message = capsys.readouterr().err
    assert message.startswith(f"error: {program.service.ENV} can't be used: ")
    assert len(message.splitlines()) == 1
    # What comes before each start writes it anew.
    program.service.write_env(IMAGE, None)
    monkeypatch.setattr(start.os, "execv", lambda *_words: None)
    assert start.main([str(program.service.ENV), "{options}", "{image}"]) == 3


def test_it_is_python_3_6() -> None:
    tree = ast.parse(START.read_text(), feature_version=(3, 6))
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & LATER
