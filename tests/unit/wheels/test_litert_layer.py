"""LiteRT in images: a lock for every Python, and a layer with what inference needs alone."""

from __future__ import annotations

import csv
import fnmatch
import re
import tarfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jetson_kit.build import plan
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError
from jetson_kit.wheels import litert, locks
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pysite import Installed

PAIRS = sorted(litert.wanted_locks().values())


@pytest.mark.parametrize(("arch", "python"), PAIRS)
def test_a_lock_has_the_requirements_alone(arch: str, python: str) -> None:
    text = litert.lock_for(arch, python).read_text(encoding="utf-8")
    versions = dict(item.split("==") for item in locks.locked(text))
    assert set(versions) == {
        canonicalize_name(requirement) for requirement in litert.requirements(python)
    }
    for limit in map(Requirement, litert.constraints()):
        assert versions[limit.name] in limit.specifier
    assert len(re.findall("--hash=sha256:[0-9a-f]{64}", text)) >= len(versions)


def test_every_image_has_a_lock_and_none_is_left_over() -> None:
    assert {python for _, python in PAIRS} == set(wheels.pythons())
    assert set(litert.LOCKS.glob("*.txt")) == set(litert.wanted_locks())
    for release in ("32.7.6", "36.4.4", "39.2.1"):
        result = plan.make(Request(jetson=True, l4t=release))
        assert litert.lock_for(result.arch, result.python).exists()


def test_a_python_without_a_lock_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"no lock of LiteRT for arm64 with Python 3\.8"):
        litert.lock_for("arm64", "3.8")


@pytest.mark.network
@pytest.mark.parametrize(("arch", "python"), [("arm64", "3.11"), ("amd64", "3.13")])
def test_the_layer_has_what_inference_needs_and_no_more(arch: str, python: str) -> None:
    site_layer = litert.layer(arch, python)
    assert Installed("ai-edge-litert", "2.3.0", "Apache Software License") in site_layer.installed
    site = f"opt/mediapipe/lib/python{python}/site-packages/"
    with tarfile.open(site_layer.tar) as archive:
        files = {info.name.removeprefix(site): info for info in archive if info.isfile()}
        names = [name for name in files if fnmatch.fnmatch(name, "ai_edge_litert-*/RECORD")]
        stream = archive.extractfile(site + names[0])
        assert stream is not None
        listed = [row[0] for row in csv.reader(stream.read().decode().splitlines())]
    mine = {name for name in files if name.startswith("ai_edge_litert")}
    assert set(listed) == mine
    for name in ("interpreter.py", "compiled_model.py", "libLiteRtWebGpuAccelerator.so"):
        assert f"ai_edge_litert/{name}" in mine
    for pattern in ("*/aot/*", "*/vendors/*", "*/tools/*", "*_pb2.py"):
        assert not fnmatch.filter(mine, pattern)
    assert sum(info.size for info in files.values()) < 45_000_000


@pytest.mark.network
def test_uv_makes_the_same_lock_again() -> None:
    path = litert.lock_path("arm64", "3.11")
    assert litert.make_lock(path) == path.read_text(encoding="utf-8")
