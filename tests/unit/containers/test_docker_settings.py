"""Whatever stands in the user's settings of Docker, a command says it in one line or works."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from jetson_kit.containers import docker_settings, engine
from jetson_kit.core.errors import BadInputError, ToolMissingError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    engine.client.cache_clear()
    return tmp_path / "config.json"


LOGIN = "dXNlcjpwYXNzd29yZA=="


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{}", '{"auths": {}}', '{"auths": null, "credHelpers": null, "HttpHeaders": {}}',
        f'{{"auths": {{"r": {{"auth": "{LOGIN}"}}, "s": {{}}, "t": {{"identitytoken": "x"}}}}}}',
        '{"credsStore": "gone", "credHelpers": {"r": "gone"}, "currentContext": ""}',
        '{"HttpHeaders": {"X": "1"}, "proxies": {"default": {"httpProxy": "http://p:1"}}}',
        '{"HttpHeaders": {"X": null}, "credHelpers": {"r.example": null}}',
        '{"experimental": "enabled", "plugins": {"x": {}}, "detachKeys": "ctrl-x"}',
    ],
)  # fmt: skip
def test_what_docker_takes_is_taken(config: Path, text: str) -> None:
    config.write_text(text)
    docker_settings.check()
    docker.APIClient("tcp://127.0.0.1:9", version="1.41")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "is no object of JSON"),
        ("null", "is no object of JSON"),
        ('{"proxies": null}', "proxies is no object of objects"),
        ('{"proxies": {"default": "x"}}', "proxies is no object of objects"),
        ('{"HttpHeaders": {"X": 5}}', "HttpHeaders is no object of texts"),
        ('{"HttpHeaders": "x"}', "HttpHeaders is no object of texts"),
        ('{"HttpHeaders": {"X": "a\\nb"}}', "HttpHeaders has a line end"),
        ('{"auths": ["x"]}', "auths is no object of objects"),
        ('{"auths": {"r.example": "x"}}', "auths is no object of objects"),
        ('{"auths": {"r.example": {"auth": ""}}}', "docker login r.example"),
        ('{"auths": {"r.example": {"auth": "###"}}}', "docker login r.example"),
        ('{"auths": {"r.example": {"auth": 5}}}', "docker login r.example"),
        ('{"auths": {"r.example": {"auth": null}}}', "docker login r.example"),
    ],
)
def test_what_its_sdk_cannot_take_is_named(config: Path, text: str, says: str) -> None:
    config.write_text(text)
    with pytest.raises(BadInputError) as caught:
        engine.client()
    assert says in caught.value.line()
    assert str(config) in caught.value.line()


def test_certificates_that_are_not_there_are_no_silent_engine(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(config.parent / "none"))
    with pytest.raises(BadInputError, match="certificates for the Docker Engine"):
        engine.client()


@pytest.mark.filterwarnings("ignore:docker-credential-gone")
def test_a_program_for_logins_that_is_missing_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(json.dumps({"credsStore": "gone"}))
    client = docker.DockerClient("tcp://127.0.0.1:9", version="1.41")
    monkeypatch.setattr(engine, "client", lambda: client)
    monkeypatch.setattr(engine, "image", lambda _reference: None)
    with pytest.raises(ToolMissingError) as caught:
        engine.pull("r.example/x:1", "linux/arm64")
    line = caught.value.line()
    assert "docker-credential-gone not installed" in line
    assert line.endswith(f"correct credsStore and credHelpers in {config}, or remove them")


def test_other_failures_are_no_refused_login() -> None:
    assert docker_settings.refused_login(DockerException("no such host")) is None
