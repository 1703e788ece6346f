"""What an image that a Dockerfile made must be like to be released."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from jetson_kit.build import image_config, other_image

LABELS = {f"io.mediapipe-jetson.{name}": "x" for name in other_image.NEEDED}
GOOD: dict[str, Any] = {
    "Architecture": "arm64",
    "Config": image_config.settings({**LABELS, "io.mediapipe-jetson.target": "r36.4.4"}),
}
Change = Callable[[dict[str, Any]], object]


def test_one_of_the_kits_is_taken() -> None:
    assert other_image.faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda config: config.update(User="root"), "it runs as root"),
        (lambda config: config.update(User=""), "it runs as root"),
        (lambda config: config.update(User="0:0"), "it runs as 0:0"),
        (lambda config: config.update(User="app"), "it runs as app"),
        (lambda config: config["Env"].__setitem__(0, "PATH=/usr/bin"), "its PATH lacks"),
        (lambda config: config.update(Env=[]), "MEDIAPIPE_JETSON_MODELS is not"),
        (lambda config: config.pop("Healthcheck"), "no health check"),
        (lambda config: config.update(Healthcheck={"Test": ["NONE"]}), "no health check"),
        (lambda config: config.update(Labels=None), "not made from an image of the kit's"),
        (
            lambda config: config["Labels"].update({"io.mediapipe-jetson.target": "native"}),
            "for no board",
        ),
    ],
)
def test_what_a_board_could_not_run_or_judge_is_named(change: Change, expected: str) -> None:
    attrs = copy.deepcopy(GOOD)
    change(attrs["Config"])
    assert any(expected in fault for fault in other_image.faults(attrs))


def test_another_machines_image_is_refused() -> None:
    assert other_image.faults({**GOOD, "Architecture": "amd64"}) == ["it is for amd64, not arm64"]


def test_what_dpkg_says_is_installed() -> None:
    status = (
        "Package: b\nStatus: install ok installed\nArchitecture: arm64\nVersion: 1:2\n"
        "Description: it\n Package: no\n\nPackage: a\nVersion: 1\nArchitecture: all\n\n"
    )
    assert other_image._debian(status) == [["a", "1", "all"], ["b", "1:2", "arm64"]]
