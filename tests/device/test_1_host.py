"""The host: its release, its Docker, NVIDIA's runtime."""

from __future__ import annotations

import re

import pytest

from jetson_kit.core.errors import KitError
from jetson_kit.service import toolkit
from jetson_kit.targets import detect as device_facts
from jetson_kit.targets import table as targets
from tests.device.board import BOOT_ID, Board, fail


def test_the_release_is_known(board: Board) -> None:
    """L4T's release is read as `--for` reads it, and is the one that the inventory names."""
    raw = board.must("the facts can't be read", "sh", "-c", device_facts.SCRIPT)
    facts = device_facts.parse(raw)
    if not facts.l4t and not board.expected.l4t:
        if board.expected.needs_gpu and facts.compatible:
            fail("the board tells no L4T release", [facts.model], "flash it with JetPack")
        pytest.skip("no Jetson: there is no L4T release here, and the inventory names none")
    if board.expected.l4t not in ("", facts.l4t):
        fail(
            f"L4T is {facts.l4t or 'not there'}, the inventory expects {board.expected.l4t}",
            remedy="flash the board, or set mediapipe_l4t",
        )
    try:
        device_facts.identify(facts)
    except KitError as error:
        fail(error.line())


def test_the_kernel_tells_its_start(board: Board) -> None:
    """Without it no report can be told from one of an earlier start."""
    text = board.must("no boot id", "cat", BOOT_ID).strip()
    assert re.fullmatch(r"[0-9a-f-]{36}", text), text


def test_docker_answers(board: Board) -> None:
    assert board.engine["ServerVersion"]
    if "name=seccomp" not in ",".join(board.engine["SecurityOptions"]):
        fail("Docker runs without seccomp", board.engine["SecurityOptions"],
             "take a kernel with CONFIG_SECCOMP_FILTER")  # fmt: skip


def test_the_nvidia_runtime_is_registered(board: Board) -> None:
    if not board.expected.needs_gpu:
        pytest.skip(f"no GPU is expected here ({board.expected.verdict})")
    if not board.device.nvidia_runtime:
        fail("Docker does not know the nvidia runtime", sorted(board.engine["Runtimes"]),
             "sudo nvidia-ctk runtime configure --runtime=docker, and restart docker")  # fmt: skip


def test_the_toolkit_is_none_known_to_be_broken(board: Board) -> None:
    if not board.expected.needs_gpu:
        pytest.skip(f"no GPU is expected here ({board.expected.verdict})")
    output = board.must("nvidia-ctk is not there", "nvidia-ctk", "--version",
                      remedy="install nvidia-container-toolkit")  # fmt: skip
    version = toolkit.version_of(output)
    if version is None:
        fail("the toolkit's version is unknown", output.splitlines())
    facts = device_facts.parse(board.must("no facts", "sh", "-c", device_facts.SCRIPT))
    soc = device_facts.soc_of(facts, targets.load())
    why, cure = toolkit.why_broken(version, soc.id if soc else "")
    if why:
        fail(f"nvidia-container-toolkit {version}: {why}", remedy=cure)
