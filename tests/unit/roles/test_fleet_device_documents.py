"""Releases of mixed parts, wrong values and malformed JSON, all of them well signed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.support.here import needs_parts
from tests.unit.bare_board import FILES, Board
from tests.unit.roles.signed_board import Make, day

pytestmark = needs_parts("ssh-keygen")


def mixed(a: dict[str, Any], b: dict[str, Any], how: str) -> dict[str, Any]:
    """Return a document out of two releases."""
    if how == "image":
        return a | {"image": b["image"]}
    if how == "last layer":
        return a | {"layers": [*a["layers"][:-1], b["layers"][-1]]}
    if how == "what is sent of a layer":
        row = a["layers"][-1] | {"digest": b["layers"][-1]["digest"]}
        return a | {"layers": [*a["layers"][:-1], row]}
    return a | {how: b[how]}


@pytest.mark.parametrize(
    "how", ["image", "layers", "last layer", "what is sent of a layer", "config", "manifest"]
)
def test_parts_of_another_release(
    board: Board, make: Make, base: dict[str, Release], how: str
) -> None:
    a, b = (json.loads(base[name].path.read_text()) for name in ("a", "b"))
    release = make(**mixed(a, b, how))
    board.run("check", release.path, code=5)


def test_the_signature_of_another_release(board: Board, make: Make) -> None:
    a, b = make("a"), make("b")
    shutil.copy(b.path.with_name("release.json.sig"), a.path.with_name("release.json.sig"))
    board.run("check", a.path, code=5)


@pytest.mark.parametrize(
    "says",
    [
        {"number": "7"}, {"number": -1}, {"number": 0}, {"number": True}, {"number": 1 << 54},
        {"number": None}, {"number": [7]}, {"expires": 99}, {"expires": "9999"},
        {"expires": "2999-99-99T00:00:00Z"}, {"created": day(400)}, {"signers": -1},
        {"signers": "0"}, {"socs": "tegra234"}, {"socs": [1]}, {"modules": {}},
        {"modules": ["p"] * 65}, {"name": "../x"}, {"name": 1}, {"l4t": 36}, {"config": {}},
        {"image": []}, {"layers": {}}, {"layers": [1]}, {"layers": []}, {"manifest": ""},
        {"manifest": None}, {"schema": None}, {"schema": ["mediapipe-jetson/release/2"]},
    ],
)  # fmt: skip
def test_a_wrong_value(board: Board, make: Make, says: dict[str, Any]) -> None:
    done = board.call("check", make(**says).path)
    assert done.returncode in (2, 5), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "layer",
    [{"size": "1"}, {"size": -1}, {"unpacked": 1 << 50}, {"size": True}, {"digest": "sha256:x"}],
)
def test_a_wrong_value_of_a_layer(
    board: Board, make: Make, base: dict[str, Release], layer: dict[str, Any]
) -> None:
    rows = json.loads(base["a"].path.read_text())["layers"]
    board.run("check", make(layers=[rows[0] | layer, *rows[1:]]).path, code=2)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ', "number": 1}',
        lambda text: text[:-1] + ', "more": NaN}',
        lambda text: text[:-1] + ', "more": -Infinity}',
        lambda text: text[:-1] + ', "more": 1.5}',
        lambda text: text[:-1] + ', "more": "\\ud800"}',
        lambda text: text[:-1] + ', "\\uDFFF": ""}',
        lambda text: text[:-1] + ', "more": 1e400}',
        lambda text: text[:-1] + f', "more": {"9" * 5000}}}',
        lambda text: text[:-1] + f', "more": {"[" * 100_000}{"]" * 100_000}}}',
        lambda text: text[:-1] + f', "more": {"{" + chr(34) + "a" + chr(34) + ":"}' * 20,
        lambda text: text.replace("{", '{"image": {}, ', 1),
        lambda text: text[: len(text) // 2],
        lambda text: "﻿" + text,
        lambda text: "[" + text + "]",
        lambda _: "null",
        lambda _: "",
        lambda _: "\x00" * 1000,
        lambda text: text + " " * (1 << 20),
    ],
)
def test_what_readers_of_json_differ_in(
    board: Board, make: Make, change: Callable[[str], str]
) -> None:
    release = make()
    release.path.write_text(change(release.path.read_text()), encoding="utf-8")
    signing.sign(release.path, board.key)
    board.run("check", release.path, code=2)


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "folder"])
def test_what_is_no_file(board: Board, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "special" / "release.json"
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)
    board.run("check", path, code=2)


FUZZ = """
import json, random, sys
from mediapipe_image import release, strict
from mediapipe_image.errors import ImageError
rand, text = random.Random(int(sys.argv[2])), open(sys.argv[1]).read()
done = 0
for turn in range(1500):
    raw = bytearray(text.encode())
    for _ in range(rand.choice([1, 1, 2, 8])):
        at = rand.randrange(len(raw))
        how = rand.randrange(4)
        if how == 0: raw[at] = rand.randrange(256)
        elif how == 1: del raw[at : at + rand.randrange(1, 40)]
        elif how == 2: raw[at:at] = raw[at : at + rand.randrange(1, 40)]
        else: raw[at:at] = rand.choice([b'"', b'[', b'{', b'NaN', b'-1', b'null', b',', b'1e9'])
    try:
        release.parse(strict.loads(raw.decode("utf-8")), "it")
        done += 1
    except (ImageError, ValueError):
        pass
print(done)
"""


def test_random_damage_is_never_a_traceback(base: dict[str, Release]) -> None:
    """Whatever a signed document holds, it is refused in words, or is a release."""
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, base["a"].path, "20261128"],
        env={**os.environ, "PYTHONPATH": str(FILES), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    # Damage in what is free text, such as the kit's version, makes another release.
    assert int(done.stdout) < 500
