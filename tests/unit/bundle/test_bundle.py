"""verify.bundle: what is packed, and what can't be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.bundle import contents, packages, payload
from jetson_kit.bundle.program import unpack
from jetson_kit.bundle.program.archive import Archive, Blob
from jetson_kit.core.errors import BadInputError
from tests.unit.bundle.bundle_runs import PYTHON


def test_the_same_inputs_give_the_same_bytes(made: Callable[..., Path]) -> None:
    first, second = made("first"), made("second")
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == sorted(path.name for path in second.parent.iterdir())
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()
    assert all((first.parent / n).stat().st_size <= 60_000 for n in names if n.endswith(".bin"))


def test_what_pythons_share_is_there_once(made: Callable[..., Path]) -> None:
    every, single = made("every"), made("single", pythons=(PYTHON,))
    sizes = [
        sum(path.stat().st_size for path in item.parent.glob("*.bin")) for item in (every, single)
    ]
    assert 0 < sizes[0] - sizes[1] < 500


def test_a_library_keeps_its_executable_bit(made: Callable[..., Path], tmp_path: Path) -> None:
    archive = Archive(made())
    with unpack.unpacked(archive, PYTHON, str(tmp_path), keep=False) as folder:
        assert (folder / "site/mediapipe_jetson/native/lib.so").stat().st_mode & 0o777 == 0o755
        assert (folder / "site/mediapipe_jetson/__main__.py").stat().st_mode & 0o777 == 0o644
        # Two files of the same contents are both there.
        assert (folder / "site/mediapipe_jetson/twice.py").read_bytes() == b""


def test_a_path_out_of_the_folder_is_refused(made: Callable[..., Path], tmp_path: Path) -> None:
    archive = Archive(made())
    blob = Blob("0" * 64, 1, payload.STORED, 0, 1)
    with pytest.raises(Exception, match="outside of its folder"):
        group = archive.groups(PYTHON)["base"]
        unpack._write(archive, group, [("../evil", blob, False)], tmp_path / "in")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"machine": "ppc64le"}, "no bundle for the architecture"),
        ({"pythons": ("2.7",)}, "no bundle for Python 2.7"),
        ({"part_mb": -1}, "no parts of -1 MB"),
        ({"machine": "aarch64", "tensorrt": True}, "TensorRT-RTX is for x86_64 alone"),
    ],
)
def test_wrong_requests(made: Callable[..., Path], fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        made(**fields)


def test_a_folder_with_something_else_stays(made: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(BadInputError, match="holds something else"):
        made("mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("python", contents.recipe().pythons)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_lock_has_each_package_once_for_each_python(python: str, machine: str) -> None:
    text = packages.lines_for(packages.LOCK.read_text(encoding="utf-8"), python, machine)
    names = [line.partition("==")[0] for line in text.splitlines() if line[:1].isalpha()]
    assert len(names) == len(set(names))
    assert {"numpy", "opencv-python-headless", "ai-edge-litert"} <= set(names)
    assert "colorama" not in names
    assert ";" not in text
