"""Pruned packages: what goes, what their records say, and that programs miss nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from jetson_kit.core import uv
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import extract_tar
from jetson_kit.wheels import elf_strip, pysite, site_prune
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.site_prune import LeaveOut, Rules, Strip
from tests.support.here import not_here_if
from tests.unit.small_wheels import plain_wheel, record_hash
from tests.unit.wheels.sectioned_elf import library

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
RULES = Rules(
    (LeaveOut("my-package", "its tests", ("my/*/tests/*",), ("my/*/tests/used.py",)),),
    (Strip("my-package", "names", ("my/*.so",), (".symtab", ".strtab", ".comment")),),
)
FILES = {
    "my/__init__.py": b"",
    "my/a/__init__.py": b"",
    "my/a/tests/test_a.py": b"assert True\n",
    "my/a/tests/used.py": b"used = 1\n",
    "my/b/tests/data/x,y.txt": b"data",
    "my/lib.so": library(),
}
INFO = "my_package-1.0.dist-info"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    wheel, _ = plain_wheel(tmp_path, "my_package", "1.0", FILES)
    other, _ = plain_wheel(tmp_path, "other", "1.0", {"other/x/tests/test_x.py": b""})
    folder = tmp_path / "site"
    uv.uv(["pip", "install", "--offline", "--target", folder, wheel, other], what="installing")
    return folder


def record(site: Path, info: str) -> dict[str, tuple[str, str]]:
    rows = csv.reader((site / info / "RECORD").read_text().splitlines())
    return {path: (digest, size) for path, digest, size in rows}


def files(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_what_rules_name_is_gone_and_records_say_so(site: Path) -> None:
    before = files(site)
    site_prune.prune(site, RULES)
    provenance = f"{INFO}/{site_prune.PROVENANCE}"
    gone = {"my/a/tests/test_a.py", "my/b/tests/data/x,y.txt"}
    assert files(site) == before - gone | {provenance}
    assert not (site / "my/b").exists()
    rows = record(site, INFO)
    for path in ("my/lib.so", "my/a/tests/used.py", provenance):
        data = (site / path).read_bytes()
        assert rows[path] == (record_hash(data), str(len(data)))
    assert not gone & set(rows)
    document = json.loads((site / provenance).read_text())
    assert document["left_out"] == [{"why": "its tests", "files": 2, "bytes": 16}]
    (stripped,) = document["stripped"]
    assert stripped["path"] == "my/lib.so"
    assert stripped["before"]["sha256"] == hashlib.sha256(FILES["my/lib.so"]).hexdigest()
    shipped = (site / "my/lib.so").read_bytes()
    assert stripped["after"]["sha256"] == hashlib.sha256(shipped).hexdigest()
    assert stripped["loaded_sha256"] == elf_strip.loaded_sha256(FILES["my/lib.so"])
    assert len(shipped) < len(FILES["my/lib.so"])


def test_a_hard_link_elsewhere_keeps_its_bytes(site: Path, tmp_path: Path) -> None:
    for name in ("my/lib.so", f"{INFO}/RECORD"):
        link = tmp_path / Path(name).name
        os.link(site / name, link)
        raw = link.read_bytes()
        site_prune.prune(site, RULES)
        assert link.read_bytes() == raw != (site / name).read_bytes()


def test_other_packages_stay_as_they_are(site: Path) -> None:
    before = {path: (site / path).read_bytes() for path in files(site) if path.startswith("other")}
    site_prune.prune(site, RULES)
    assert {path: (site / path).read_bytes() for path in before} == before


def test_a_damaged_library_is_refused_and_stays(site: Path) -> None:
    (site / "my/lib.so").write_bytes(FILES["my/lib.so"][:-1])
    with pytest.raises(IntegrityError, match=r"my/lib\.so cannot be stripped: it is truncated"):
        site_prune.prune(site, RULES)
    assert (site / "my/lib.so").read_bytes() == FILES["my/lib.so"][:-1]


def test_every_rule_is_for_a_locked_package_and_spares_licences() -> None:
    locked = {
        line.partition("==")[0]
        for path in wheels.LOCKS.rglob("*.txt")
        for line in path.read_text().splitlines()
        if line[:1].isalnum()
    }
    every = site_prune.rules()
    assert {item.package for item in every.leave_out} <= locked
    assert {item.package for item in every.strip} <= locked
    for name in ("LICENSE.txt", "licenses/LICENSE", "LICENSE-3RD-PARTY.txt", "METADATA"):
        for path in (f"numpy-2.2.6.dist-info/{name}", f"cv2/{name}", f"numpy/{name}"):
            assert not any(item.takes(path) for item in every.leave_out)


# Every module that can be imported, the packages' own tests aside, and what importing it says.
IMPORTS = """
import importlib, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
found = {}
for top in ("numpy", "cv2", "certifi"):
    package = importlib.import_module(top)
    for module in pkgutil.walk_packages(package.__path__, f"{top}.", onerror=lambda name: None):
        if ".tests" in module.name or module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
            found[module.name] = "imported"
        except BaseException as error:
            found[module.name] = type(error).__name__
print(json.dumps(found))
"""
PROGRAM = """
import importlib.metadata as metadata
import certifi, cv2, numpy as np
import numpy.testing
numpy.testing.assert_allclose(np.linalg.svd(np.eye(3))[1], [1, 1, 1])
numpy.testing.assert_allclose(np.fft.ifft(np.fft.fft(np.arange(8.0))).real, np.arange(8.0), 1e-9)
assert np.random.default_rng(1).integers(0, 9, 4).shape == (4,)
picture = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
for form in (".png", ".avif", ".jpg"):
    done, coded = cv2.imencode(form, picture)
    assert done and cv2.imdecode(coded, cv2.IMREAD_COLOR).shape == picture.shape
assert not cv2.CascadeClassifier(
    cv2.data.haarcascades + "haarcascade_frontalface_default.xml").empty()
assert cv2.solve(np.eye(3), np.ones((3, 1)), flags=cv2.DECOMP_SVD)[0]
open(certifi.where()).close()
for name in ("numpy", "opencv-python-headless", "certifi"):
    for file in metadata.distribution(name).files:
        assert file.locate().is_file(), file
"""


def ran(program: str, site: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.network
@pytest.mark.slow
@not_here_if(not HERE, "no MediaPipe wheel is for this machine")
def test_programs_import_and_run_what_they_did(tmp_path: Path) -> None:
    pin = wheels.select(HERE, PYTHON)
    lock = wheels.lock_for(pin.wheel_class, HERE, PYTHON)
    full = tmp_path / "full"
    uv.uv(
        [
            *("pip", "install", "--require-hashes", "--no-config", "--python", sys.executable),
            *("--target", full, "-r", lock),
        ],
        what="installing",
    )
    layer = pysite.locked(lock, PYTHON, HERE, sys.executable)
    with tarfile.open(layer.tar) as archive:
        extract_tar(archive, tmp_path / "image")
    pruned = tmp_path / "image" / pysite.PREFIX / f"lib/python{PYTHON}/site-packages"
    before, after = (json.loads(ran(IMPORTS, site)) for site in (full, pruned))
    assert before == after
    assert len(after) > 200
    ran(PROGRAM, pruned)
    assert {path for path in files(full) if "LICEN" in path} <= files(pruned)
    every = site_prune.rules()
    here = {line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line}
    reasons = {(item.package, item.why) for item in every.leave_out}
    reasons |= {(item.package, item.why) for item in every.strip}
    for package, why in reasons:
        if package not in here:
            continue  # LiteRT's, in a layer of its own
        (info,) = pruned.glob(f"{package.replace('-', '_')}-*.dist-info")
        document = json.loads((info / site_prune.PROVENANCE).read_text())
        assert why in {row["why"] for row in (*document["left_out"], *document["stripped"])}
        for row in document["stripped"]:
            assert loaded(full / row["path"]) == loaded(pruned / row["path"])


def loaded(path: Path) -> list[tuple[int, bytes]]:
    """Return (address, bytes) of what pyelftools finds loaded, but for where the sections are."""
    raw = bytearray(path.read_bytes())
    file = ELFFile(io.BytesIO(bytes(raw)))
    raw[0x28:0x30], raw[0x3C:0x40] = bytes(8), bytes(4)
    return [
        (part["p_vaddr"], bytes(memoryview(raw)[part["p_offset"] :][: part["p_filesz"]]))
        for part in file.iter_segments()
        if part["p_type"] == "PT_LOAD"
    ]
