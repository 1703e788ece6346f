"""Who a container's users are on this machine: as the engine says, and who builds then."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from jetson_kit.app.source import container
from jetson_kit.containers import engine, users

# As Docker 20.10 to 28 and Podman 5 answer.
PLAIN = ["name=seccomp,profile=default"]
ROOTLESS = ["name=seccomp,profile=builtin", "name=rootless"]
PODMAN = ["name=seccomp,profile=default", "name=rootless"]
REMAPPED = ["name=apparmor", "name=seccomp,profile=builtin", "name=userns", "name=cgroupns"]


def answers(monkeypatch: pytest.MonkeyPatch, options: list[str] | None) -> None:
    info = {} if options is None else {"SecurityOptions": options}
    monkeypatch.setattr(engine, "client", lambda: SimpleNamespace(info=lambda: info))


@pytest.mark.parametrize(
    ("options", "numbering"),
    [
        (PLAIN, ""), (ROOTLESS, "rootless"), (PODMAN, "rootless"), (REMAPPED, "userns"),
        ([], ""), (None, ""), (["name=cgroupns", "name=rootlessish2"], ""),
    ],
)  # fmt: skip
def test_the_engine_says_how_it_numbers(
    monkeypatch: pytest.MonkeyPatch, options: list[str] | None, numbering: str
) -> None:
    answers(monkeypatch, options)
    assert users.numbering() == numbering


@pytest.mark.parametrize(
    ("options", "own", "builder"),
    [
        (PLAIN, 0, 10001), (PLAIN, 1000, 1000), (ROOTLESS, 1000, 0), (PODMAN, 1000, 0),
        (REMAPPED, 0, 10001), (REMAPPED, 1000, 1000),
    ],
)  # fmt: skip
def test_who_builds_owns_what_is_built_and_is_not_the_machines_root(
    monkeypatch: pytest.MonkeyPatch, options: list[str], own: int, builder: int
) -> None:
    answers(monkeypatch, options)
    monkeypatch.setattr(os, "geteuid", lambda: own)
    assert container.builder() == builder
