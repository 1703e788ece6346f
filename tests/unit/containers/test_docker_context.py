"""The engine is the one that the user's own `docker` speaks to."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import docker
import pytest

from jetson_kit.containers import docker_context, engine
from jetson_kit.core.errors import BadInputError, ToolMissingError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of Docker's configuration with the context `far`, which is chosen by none."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    context(tmp_path, "far", '{"Endpoints": {"docker": {"Host": "unix:///far.sock"}}}')
    return tmp_path


def context(folder: Path, name: str, text: str) -> None:
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    place.parent.mkdir(parents=True)
    place.write_text(text)


def choose(config: Path, name: str) -> None:
    (config / "config.json").write_text(json.dumps({"currentContext": name}))


def test_without_a_choice_it_is_the_machines_own(config: Path) -> None:
    assert docker_context.address().named == ""
    for text in ("", "{", "[]", "{}", '{"currentContext": null}', '{"currentContext": "default"}'):
        (config / "config.json").write_text(text)
        assert docker_context.address().named == ""


def test_a_context_is_taken_by_variable_and_by_choice(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(config, "far")
    chosen = docker_context.address()
    assert chosen.named == "unix:///far.sock, Docker's context far"
    assert chosen.environment["DOCKER_HOST"] == "unix:///far.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert docker_context.address().named == ""
    choose(config, "")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert docker_context.address() == chosen
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert docker_context.address().named == "DOCKER_HOST=tcp://10.0.0.1:2375"


def test_an_engine_over_ssh_is_refused_with_the_way_out(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context(config, "board", '{"Endpoints": {"docker": {"Host": "ssh://me@board"}}}')
    choose(config, "board")
    with pytest.raises(BadInputError, match="over ssh") as caught:
        docker_context.address()
    assert "DOCKER_CONTEXT=default ./inv" in caught.value.cure
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert docker_context.address().named == ""
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@board")
    with pytest.raises(BadInputError, match="DOCKER_HOST=ssh://me@board: only docker"):
        docker_context.address()


def test_its_certificates_come_with_it(config: Path) -> None:
    choose(config, "far")
    key = hashlib.sha256(b"far").hexdigest()
    place = config / "contexts" / "tls" / key / "docker"
    place.mkdir(parents=True)
    environment = docker_context.address().environment
    assert (environment["DOCKER_TLS_VERIFY"], environment["DOCKER_CERT_PATH"]) == ("1", str(place))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Endpoints": {}}', '{"Endpoints": 1}'])
def test_a_context_that_is_not_there_or_damaged_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    if text:
        context(config, "gone", text)
    choose(config, "gone")
    with pytest.raises(BadInputError, match=r"^currentContext in .*config.json is gone, and"):
        docker_context.address()
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    with pytest.raises(BadInputError, match=r"^DOCKER_CONTEXT is gone, and"):
        docker_context.address()


def test_a_dead_context_is_named_and_nothing_is_started(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(config, "far")
    monkeypatch.setattr(engine, "_may_start", lambda: pytest.fail("an engine was to be started"))
    with pytest.raises(ToolMissingError) as raised:
        engine.client.__wrapped__()
    assert raised.value.line() == (
        "error: no Docker Engine answers at unix:///far.sock, Docker's context far; "
        "start it, or choose another: docker context use NAME"
    )


@pytest.mark.parametrize(("uid", "runs", "named"), [
    (1000, True, True), (1000, False, False), (0, True, False),
])  # fmt: skip
def test_an_engine_without_root_that_docker_does_not_speak_to_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, uid: int, runs: bool, named: bool
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(config))
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(docker, "from_env", refused)
    monkeypatch.setattr(engine, "_may_start", lambda: False)
    if runs:
        (config / "docker.sock").touch()
    with pytest.raises(ToolMissingError) as raised:
        engine.client.__wrapped__()
    line = raised.value.line()
    assert (f"export DOCKER_HOST=unix://{config}/docker.sock" in line) is named
    assert ("usermod" in line) is not named
