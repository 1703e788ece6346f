"""The kinds of values that options of several tasks have."""

from __future__ import annotations

from pathlib import Path

from jetson_kit.command_line.options import (
    CORRECT,
    MEBIBYTE,
    Choice,
    Commas,
    FileOrFolder,
    Folder,
    Integer,
    Number,
    RefusedError,
    Text,
)

_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_DIGEST = r"@sha256:[0-9a-f]{64}"
# As Docker has it: https://github.com/distribution/reference
IMAGE = Text(
    512,
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:{_DIGEST})?",
    "image reference",
    "mediapipe-jetson:r36.4.4",
)
ARCH = Choice("arm64", "amd64")
CORE = Choice("armv80", "carmel")
"""As translate/cores.toml has them."""
DEVICE = Text(63)
FORKS = Integer(1, 1000)
LIMIT = Text(4000)
"""Hosts, groups and patterns of Ansible by commas."""
L4T = Text(32)
"""A release or a JetPack, by any of the names that targets.resolve knows."""
MEDIAPIPE = Text(32, r"[0-9]+(?:\.[0-9A-Za-z]+)*", "version", "1.2.2")
MODEL = Text(4096)
"""A model's name, or a path that the command itself checks: a name comes first."""
MODULE = Text(64)
PRECISION = Choice("fp16", "fp32")
PYTHON = Text(8, r"3\.[0-9]{1,2}", "version of Python", "3.11")
ROUNDS = Integer(1, 1000)
SECONDS = Number(0, 7 * 86400.0)
SSH = Text(300)
"""user@host; device_facts.read refuses what ssh would take for an option."""
TARGET = Text(4096)
"""A name below dist/ or a build's folder."""
VARIANT = Choice("runtime", "emulated", "dev")
VERDICT = Choice("gpu", "software", "cpu")
WORDS = Commas(Text(200))


def inventory(word: str) -> Path:
    """Return the path of an inventory; what is in a folder its own reader looks at."""
    try:
        return FileOrFolder(64 * MEBIBYTE)(word)
    except RefusedError as error:
        if "," in word and error.hint == CORRECT:
            raise RefusedError(error.problem, "write the hosts into a file") from error
        raise


def engines(word: str) -> str:
    """Return `store`, `onnx`, or the path of a folder."""
    if word in ("store", "onnx"):
        return word
    try:
        Folder()(word)
    except RefusedError as error:
        raise RefusedError(f"{error.problem}", "give store, onnx, or a folder") from error
    return word
