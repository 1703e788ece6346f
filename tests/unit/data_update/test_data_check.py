"""`data.check`: the tables agree, and each way in which they may not is one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import COLLECTION, ROOT
from jetson_kit.data_update import check
from jetson_kit.data_update.request import is_major
from jetson_kit.wheels import pins as wheels
from tests.tables import grown

NEWEST = wheels.pins()[0]
JETSON_FACTS = f"{COLLECTION.relative_to(ROOT)}/roles/jetson_facts/vars/main.yml"
RECORD = f"jetson_kit/audit/records/{NEWEST.filename.removesuffix('.whl')}.json"
CLASS = wheels.classes()[NEWEST.wheel_class]
LOCK = f"wheels/locks/{NEWEST.wheel_class}-arm64-py3.11.txt"
DEVICE = "wheels/mediapipe-jetson/src/mediapipe_jetson/data/wheels.json"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown.copy(tmp_path_factory.mktemp("kit"))


def checked(tree: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", check.__name__],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout.splitlines() if done.returncode else []


def test_the_tables_agree() -> None:
    assert check.problems() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "jetson_kit/wheels/wheels.toml",
            NEWEST.sha256,
            NEWEST.sha256[1:],
            "its sha256 is no hash",
        ),
        ("jetson_kit/wheels/wheels.toml", NEWEST.sha256, "0" * 64, "pinned.json: no row for"),
        ("jetson_kit/wheels/wheels.toml", '"amd64"', '"arm64"', "it is not for arm64"),
        ("jetson_kit/wheels/wheels.toml", CLASS.versions, "<1", f"the class {CLASS.name} takes <1"),
        (
            "jetson_kit/wheels/wheels.toml",
            f'"{CLASS.pythons[-1]}"]',
            '"3.99"]',
            "py3.99.txt is missing",
        ),
        (
            "jetson_kit/wheels/repack.toml",
            'versions = ["',
            'versions = ["9.',
            "no recipe for MediaPipe",
        ),
        (
            "jetson_kit/wheels/repack.toml",
            '"certifi", ',
            '"certifi", "attrs", ',
            "has attrs not at all",
        ),
        (
            "jetson_kit/wheels/wheels.toml",
            "\nby_name = [",
            '\nby_name = ["9.9", ',
            "9.9 is not pinned",
        ),
        (RECORD, None, None, "no audit record of"),
        (LOCK, "numpy==", "numpy==9", "not numpy<"),
        (LOCK, "--hash=sha256:", "--hash=md5:", "neither a pinned package nor its hash"),
        ("requirements/vision.txt", None, None, "requirements/vision.txt is missing"),
        ("requirements/vision.in", "mediapipe==", "mediapipe==9.", "is not pinned"),
        ("requirements/host.in", "rich\n", "rich>99\n", "not rich>99"),
        ("requirements/locks.toml", "engines =", "other =", "requirements/other.in is missing"),
        (
            "requirements/tensorrt-lean.in",
            "bindings==",
            "bindings==9",
            "no image gets cuda-bindings",
        ),
        ("jetson_kit/wheels/shim.toml", 'sha256 = "', 'sha256 = "x', "has no sha256 for aarch64"),
        ("jetson_kit/wheels/runtimes.toml", "[branch.r39]", "[branch.r40]", "r39"),
        ("jetson_kit/targets/targets.toml", 'default = "', 'default = "9', "has no row"),
        ("jetson_kit/targets/targets.toml", "[socs]", "[socs", "cannot read"),
        (DEVICE, '"last_without_dotprod": "', '"last_without_dotprod": "9', f"{DEVICE} is stale"),
        ("README.md", f"| {NEWEST.version} | yes", "| 1.0 | yes", "README.md is stale"),
        (JETSON_FACTS, "tegra234", "tegra235", "is stale"),
    ],
)
def test_each_problem_is_told(
    tree: Path, file: str, old: str | None, new: str | None, says: str
) -> None:
    path = tree / file
    before = path.read_text(encoding="utf-8")
    try:
        if old is None or new is None:
            path.unlink()
        else:
            assert old in before
            path.write_text(before.replace(old, new), encoding="utf-8")
        result = checked(tree)
    finally:
        path.write_text(before, encoding="utf-8")
    assert any(says in line for line in result), result
    assert not any("Traceback" in line for line in result)


def test_a_lock_that_nothing_needs(tree: Path) -> None:
    spare = tree / "wheels" / "locks" / "armv9-arm64-py3.11.txt"
    shutil.copy(tree / LOCK, spare)
    try:
        assert checked(tree) == [f"wheels/locks/{spare.name}: nothing needs it: remove it"]
    finally:
        spare.unlink()


@pytest.mark.parametrize(
    ("old", "new", "major"),
    [
        ("1.2.2", "1.3.0", False),
        ("1.2.2", "2.0", True),
        ("0.13.0", "0.13.1", False),
        ("0.13.0", "0.17.1", True),
        ("0.13", "1.0", True),
        ("2026.10.18", "2026.10.19.post1", False),
    ],
)
def test_a_major_step(old: str, new: str, *, major: bool) -> None:
    assert is_major(old, new) is major
