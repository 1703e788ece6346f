"""`data.update` in a copy of the tree, with a small index: what it takes, and what it leaves."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import collections
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes as repack_recipes
from jetson_kit.wheels import shim
from tests.tables import grown
from tests.unit import small_index
from tests.unit.data_update.small_kit import DRAWING, LIB, RECIPE, Kit, lines, made, small_tables
from tests.unit.small_wheels import make_wheel, plain_wheel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the tree and the index of its tables."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "index").mkdir()
    grown.copy(folder / "kit")
    # Those would be looked up in Debian's archive.
    shutil.rmtree(folder / "kit" / "docker" / "packages")
    with small_index.served(folder / "index") as address:
        kit = made(folder, address)
        small_tables(kit)
        lines(kit.update("mediapipe"))
    shutil.rmtree(folder / "uv")
    return folder


@pytest.fixture
def kit(base: Path, tmp_path: Path) -> Iterator[Kit]:
    """Return a copy of the tree of one test's own, and its index."""
    folder = tmp_path / "copy"
    shutil.copytree(base, folder)
    with small_index.served(folder / "index") as address:
        yield made(folder, address)


def test_a_newer_mediapipe_is_taken_with_all_that_follows(kit: Kit) -> None:
    assert "agree" in lines(kit.run("data.check"))
    sha256 = kit.offer("1.5.1")
    out = lines(kit.update("mediapipe"))
    assert "took mediapipe 1.5.0 -> 1.5.1" in out
    assert out.endswith("the tables and what derives from them agree\n")
    rows = kit.table(wheels.TABLE)["wheel"]
    assert isinstance(rows, list)
    assert {row["arch"]: row["sha256"] for row in rows if row["version"] == "1.5.1"} == sha256
    assert kit.pinned() == ["1.5.1", "1.5.0", "0.10.18"]
    recipes = kit.table(repack_recipes.TABLE)["recipe"]
    assert isinstance(recipes, list)
    assert recipes[0]["versions"] == ["1.5.1", "1.5.0"]
    device = kit.folder / "wheels/mediapipe-jetson/src/mediapipe_jetson/data/wheels.json"
    assert json.loads(device.read_text(encoding="utf-8"))["gpu"][-1] == "1.5.1"
    readme = (kit.folder / "README.md").read_text(encoding="utf-8")
    assert "| 1.5.1 | yes | GPU code inside" in readme
    vision = (kit.folder / "requirements" / "vision.txt").read_text(encoding="utf-8")
    assert vision.startswith("mediapipe==1.5.1 ")
    assert set(sha256.values()) < set(re.findall(r"sha256:([0-9a-f]{64})", vision))
    before = kit.state()
    assert "nothing newer to take" in lines(kit.update("mediapipe"))
    assert kit.state() == before


def test_a_dry_run_and_a_check_change_nothing(kit: Kit) -> None:
    kit.offer("1.5.1")
    before = kit.state()
    out = lines(kit.update("mediapipe", "--dry-run"))
    assert "would take mediapipe 1.5.0 -> 1.5.1" in out
    assert "would write jetson_kit/wheels/wheels.toml" in out
    lines(kit.update("--check", UV_DEFAULT_INDEX="http://127.0.0.1:9/"))
    assert kit.state() == before


def test_a_patched_file_that_changed_is_left_to_a_person(kit: Kit) -> None:
    kit.offer("1.5.1", draw="import os\nimport matplotlib\n")
    before = kit.state()
    out = lines(kit.update("mediapipe"))
    assert f"to decide: mediapipe 1.5.1: {DRAWING} changed" in out
    assert kit.state() == before
    diff = (kit.folder / "dist/data-update/1.5.1-arm64-draw.py.diff").read_text(encoding="utf-8")
    assert "+import os" in diff
    # The person writes the recipe; the next run goes on.
    table = kit.file(repack_recipes.TABLE)
    text = table.read_text(encoding="utf-8")
    digest = hashlib.sha256(b"import os\nimport matplotlib\n").hexdigest()
    mine = RECIPE.format(sha256=digest).replace("1.5.0", "1.5.1")
    table.write_text(mine + text, encoding="utf-8")
    assert "took mediapipe 1.5.0 -> 1.5.1" in lines(kit.update("mediapipe"))
    assert table.read_text(encoding="utf-8") == mine + text


@pytest.mark.parametrize(
    ("offered", "what"),
    [
        ({"requires": "numpy>=3"}, "asks for other packages: numpy>=3 in place of numpy"),
        ({"libraries": (LIB, "mediapipe/libnew.so")}, "new native library mediapipe/libnew.so"),
        ({"gl": False}, "Orin (r36.4.4): cpu, before gpu"),
    ],
)
def test_what_a_person_must_decide(kit: Kit, offered: dict[str, object], what: str) -> None:
    kit.offer("1.5.1", **offered)  # type: ignore[arg-type]
    before = kit.state()
    assert what in lines(kit.update("mediapipe"))
    assert kit.state() == before
    assert "took mediapipe 1.5.0 -> 1.5.1" in lines(kit.update("mediapipe==1.5.1"))


def test_a_release_without_an_architecture_is_passed_over(kit: Kit) -> None:
    kit.offer("1.5.2", arches="amd64")
    kit.offer("1.5.1")
    out = lines(kit.update("mediapipe"))
    assert "1.5.2 has no wheel for arm64" in out
    assert kit.pinned()[0] == "1.5.1"


def test_a_major_version_is_left_to_a_person(kit: Kit) -> None:
    kit.offer("2.0.0")
    before = kit.state()
    assert "2.0.0 is there and no class takes it" in lines(kit.update("mediapipe"))
    assert "no class takes 2.0.0" in lines(kit.update("mediapipe==2.0.0"))
    assert kit.state() == before


def test_without_a_network_it_is_one_line_and_nothing_changes(kit: Kit) -> None:
    before = kit.state()
    done = kit.update("mediapipe", UV_DEFAULT_INDEX="http://127.0.0.1:9/simple/")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: looking for newer versions: ")
    assert done.stderr.count("\n") == 1
    assert kit.state() == before


def test_bytes_that_are_not_the_listed_ones_are_refused(kit: Kit) -> None:
    kit.offer("1.5.1")
    path = next(kit.index.glob("mediapipe-1.5.1-*aarch64.whl"))
    path.write_bytes(path.read_bytes() + b"x")
    before = kit.state()
    done = kit.update("mediapipe")
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert kit.state() == before


@pytest.mark.parametrize("word", ["nonsense", "mediapipe>1", "mediapipe==1.*", "-r x"])
def test_words_that_name_no_package(kit: Kit, word: str) -> None:
    done = kit.update("--", word) if word.startswith("-") else kit.update(word)
    assert done.returncode == 2 or word.startswith("-")
    assert "Traceback" not in done.stderr


def test_the_shims_compiler(kit: Kit) -> None:
    path = kit.file(shim.TABLE)
    before = path.read_text(encoding="utf-8")
    old = tomllib.loads(before)["compiler"]
    minor = re.sub(r"\d+$", lambda m: str(int(m[0]) + 1), old["version"])
    sha256 = {}
    for version in (minor, "99.0.0"):
        for machine in old["wheels"]:
            name = f"ziglang-{version}-py3-none-manylinux_2_17_{machine}.whl"
            about = f"Metadata-Version: 2.1\nName: ziglang\nVersion: {version}\n".encode()
            files = {"zig": machine.encode(), f"ziglang-{version}.dist-info/METADATA": about}
            sha256[version, machine] = make_wheel(kit.index / name, files)
    small_index.renew(kit.index)
    out = lines(kit.update("ziglang"))
    assert f"took ziglang {old['version']} -> {minor}" in out
    assert "to decide: ziglang: 99.0.0 is there, a major step" in out
    after = path.read_text(encoding="utf-8")
    new = tomllib.loads(after)["compiler"]
    for machine, row in new["wheels"].items():
        assert row["sha256"] == sha256[minor, machine]
        assert row["filename"] == f"ziglang-{minor}-py3-none-manylinux_2_17_{machine}.whl"
    # Nothing but these lines differs: comments and the order of rows stay.
    same = set(before.splitlines()) & set(after.splitlines())
    assert len(before.splitlines()) == len(after.splitlines())
    assert len(set(before.splitlines()) - same) == 1 + 2 * len(old["wheels"])
    assert "took ziglang" in lines(kit.update("ziglang==99.0.0"))


def test_the_carrier_of_ansibles_collections_follows_ansible_core(kit: Kit) -> None:
    path = kit.file(collections.TABLE)
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    host = (kit.folder / "requirements" / "host.txt").read_text(encoding="utf-8")
    match = re.search(r"^ansible-core==(\S+)", host, re.MULTILINE)
    assert match
    major, minor, *_ = table["wheel"]["version"].split(".")
    mine, other = f"{major}.{int(minor) + 5}.0", f"{int(major) + 1}.0.0"
    plain_wheel(kit.index, "ansible_core", match[1], {"core.py": b""})
    for version, core in ((mine, match[1]), (other, "99.0")):
        info = f"ansible-{version}.dist-info"
        about = f"Metadata-Version: 2.1\nName: ansible\nVersion: {version}\n"
        about += f"Requires-Dist: ansible-core=={core}\n"
        files = {f"{info}/METADATA": about.encode()}
        for name in table["collections"]:
            folder = f"ansible_collections/{name.replace('.', '/')}"
            manifest = {"collection_info": {"version": "77.0.0"}}
            files[f"{folder}/MANIFEST.json"] = json.dumps(manifest).encode()
            files[f"{folder}/meta/runtime.yml"] = b"requires_ansible: '>=2.15.1'\n"
        wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{info}/WHEEL"] = wheel
        make_wheel(kit.index / f"ansible-{version}-py3-none-any.whl", files)
    small_index.renew(kit.index)
    out = lines(kit.update("ansible"))
    assert f"took ansible {table['wheel']['version']} -> {mine}" in out
    assert f"held: ansible: {other} is there and belongs to another ansible-core" in out
    after = tomllib.loads(path.read_text(encoding="utf-8"))
    assert after["wheel"]["version"] == mine
    for row in after["collections"].values():
        assert row == {"version": "77.0.0", "core": ">=2.15.1"}


KILLED = """
import os, sys
from pathlib import Path
left = [int(sys.argv.pop(1))]
real = Path.replace
def replace(self, target):
    if self.parent.name == "data-update" and self.name.isdigit():
        if not left[0]:
            os._exit(9)
        left[0] -= 1
    return real(self, target)
Path.replace = replace
sys.argv[1:] = ["data.update", "mediapipe"]
import tasks
from jetson_kit.command_line import program
program.main(tasks.ns)
"""


def test_a_run_that_is_killed_is_finished_by_the_next(kit: Kit) -> None:
    kit.offer("1.5.1")
    before = kit.state()
    count = lines(kit.update("mediapipe", "--dry-run")).count("would write ")
    assert count >= 5
    lines(kit.update("mediapipe"))
    whole = kit.state()
    for after in (0, 2, count - 1, "stage"):
        for name, data in before.items():
            (kit.folder / name).write_bytes(data)
        for name in set(whole) - set(before):
            (kit.folder / name).unlink(missing_ok=True)
        if after == "stage":
            stage = kit.folder / ".kit" / "data-update"
            stage.mkdir(parents=True)
            (stage / "0").write_text("half", encoding="utf-8")
        else:
            done = subprocess.run(
                [sys.executable, "-c", KILLED, str(after)],
                cwd=kit.folder, env=kit.environ, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 9, done.stderr
            checked = kit.run("data.check")
            assert checked.returncode == 1
            assert "run ./inv data.update again" in checked.stderr
        lines(kit.update("mediapipe"))
        assert kit.state() == whole, after
