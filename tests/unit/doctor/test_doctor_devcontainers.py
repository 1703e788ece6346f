"""devcontainer.json: the Python that it names, what it installs, how it is built and started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

OLD = "mediapipe==0.10.9"
PLACE = ".devcontainer/devcontainer.json"
MICROSOFT = "mcr.microsoft.com/devcontainers"
FEATURE = "ghcr.io/devcontainers/features/python:1"
TEMPLATE = """\
{
  "image": "python:3.8", // as in "python:3.9", /* old */
  "remoteEnv": {"A": "http://x/*", "B": "a,}", "C": "\\",]"},
  "runArgs": ["--gpus", "all", /* all, */ ],
  // "customizations": {},
  /* "features": {
  }, */
}
"""


def devcontainer(**settings: object) -> dict[str, str]:
    """Return a project with a devcontainer.json, an entry a line, as editors write it."""
    rows = "\n".join(f"  {json.dumps(key)}: {json.dumps(item)}," for key, item in settings.items())
    text = '{\n  // "image": "python:3.7", /* of old */\n' + rows + "\n}\n"
    return {PLACE: text, "app.py": "import mediapipe\n"}


@pytest.mark.parametrize(
    ("settings", "status", "expected"),
    [
        ({"image": f"{MICROSOFT}/python:3.8"}, "bad", f"{PLACE}:3: {MICROSOFT}/python:3.8 brings"),
        ({"name": "a", "image": "python:3.7-slim"}, "bad", f"{PLACE}:4: python:3.7-slim brings"),
        ({"image": f"{MICROSOFT}/python:1-3.12-bookworm"}, "ok", "python:1-3.12"),
        ({"image": "me/dev:1"}, "unknown", "the base image me/dev:1 is not known"),
        ({"image": "ubuntu:20.04", "features": {FEATURE: {"version": "3.11"}}}, "ok", "20.04"),
        ({"image": "ubuntu:22.04", "features": {FEATURE: {"version": "3.8"}}}, "bad", "3.8"),
        ({"image": "ubuntu:22.04", "features": {FEATURE: {}}}, "unknown", "can't be told"),
        ({"image": "python:3.11", "onCreateCommand": "python3.8 -m venv .v"}, "bad", f"{PLACE}:4"),
    ],
)
def test_pythons_of_a_devcontainer(
    tmp_path: Path, settings: dict[str, object], status: str, expected: str
) -> None:
    answer = judged(tmp_path, devcontainer(**settings), device="orin")["project-python"]
    assert answer.result.status == status, lines(answer)
    assert expected in lines(answer)


@pytest.mark.parametrize(
    "command",
    [
        f"pip install --user {OLD} numpy",
        f"bash -c 'apt update && pip3 install {OLD}'",
        ["pip", "install", OLD],
        ["bash", "-lc", f"cd x; pip install {OLD}"],
        {"a": "npm ci", "b": f"pip install {OLD}"},
        {"a": ["pip3", "install", OLD]},
    ],
)
@pytest.mark.parametrize("key", ["postCreateCommand", "onCreateCommand", "postStartCommand"])
def test_what_a_devcontainer_installs(tmp_path: Path, key: str, command: object) -> None:
    files = devcontainer(image="python:3.11", **{key: command})
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert f"{PLACE}:4" in lines(answer)


def test_how_a_devcontainer_is_started_and_built(tmp_path: Path) -> None:
    build = {"dockerfile": "../docker/dev.dockerfile", "args": {"BASE": "python:3.12-slim"}}
    files = devcontainer(build=build, runArgs=["--gpus", "all"])
    files["docker/dev.dockerfile"] = (
        "ARG BASE=python:3.8\nFROM ${BASE}\nRUN pip install mediapipe\n"
    )
    result = judged(tmp_path, files, device="orin")
    assert f"{PLACE}:4" in lines(result["gpus-flag"])
    assert result["project-python"].result.status == "ok"
    assert "python:3.12-slim" in lines(result["project-python"])
    files = devcontainer(image="x", runArgs=["--runtime", "nvidia", "--gpus=all"])
    assert f"{PLACE}:4" not in lines(judged(tmp_path / "2", files, device="orin")["gpus-flag"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"image": 3, "runArgs": {}, "features": []}'])
def test_a_devcontainer_that_is_none(tmp_path: Path, text: str) -> None:
    answer = judged(tmp_path, {PLACE: text})["project-python"]
    assert answer.result.status == "unknown"


def test_commas_before_comments(tmp_path: Path) -> None:
    app = "import mediapipe as mp\n"
    result = judged(tmp_path, {PLACE: TEMPLATE, "app.py": app}, device="orin")
    assert not any("not read" in lines(item) for item in result.values())
    assert f"{PLACE}:2: python:3.8 brings" in lines(result["project-python"])
    assert f"{PLACE}:4" in lines(result["gpus-flag"])


@pytest.mark.parametrize(
    "place", [PLACE, ".devcontainer.json", ".devcontainer/a/devcontainer.json"]
)
def test_what_an_unread_devcontainer_leaves_open(tmp_path: Path, place: str) -> None:
    result = judged(tmp_path, {place: "{,", "app.py": "import mediapipe\n"}, device="orin")
    assert {result[name].result.status for name in ("legacy-api", "module-hidden")} == {"ok"}
    assert "not read" not in lines(result["gpu-not-requested"])
    assert f"not read: {place}" in lines(result["project-python"])
    assert f"not read: {place}" in lines(result["gpus-flag"])
