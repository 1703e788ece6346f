"""Engines that do not see our files: a mount namespace of ours stands for a job's container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.containers import engine, outside, owned
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.paths import ROOT
from jetson_kit.emulation import cores
from tests.image.kit import Image
from tests.support.here import cannot_run_here

pytestmark = [pytest.mark.docker, pytest.mark.slow]
# A folder of this machine that only what runs in the namespace sees as it is there.
HIDDEN = """
mount -t tmpfs own '{folder}' && echo text >'{folder}/file' && exec '{python}' -c '{code}'
"""
CODE = """
import pathlib, sys
from jetson_kit.containers import outside
from jetson_kit.core.errors import KitError
outside.likely = lambda: True
path = pathlib.Path("{folder}/file")
print(outside.sees(path, "{image}"), outside.sees(path.parent, "{image}"))
try:
    print(outside.mounted_file(path, "/proc/cpuinfo", "{image}")["Type"])
except KitError as error:
    print(error.line())
"""


def test_what_the_engine_sees(
    jetson: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "likely", lambda: True)
    image, file = jetson.id, tmp_path / "file"
    file.write_text("text", encoding="utf-8")
    assert outside.sees(file, image)
    assert outside.sees(tmp_path, image)
    mount = outside.mounted_file(file, "/proc/cpuinfo", image)
    assert (mount["Type"], mount["Source"]) == ("bind", str(file))
    outside.require((file, tmp_path), image)


def test_what_it_does_not_see(jetson: Image, tmp_path: Path) -> None:
    if os.geteuid():
        cannot_run_here("a mount namespace needs root")
    (tmp_path / "file").write_text("other", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path):
        os.utime(path, (0, 0))
    code = CODE.format(folder=tmp_path, image=jetson.id)
    script = HIDDEN.format(folder=tmp_path, python=sys.executable, code=code)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seen, mounted = done.stdout.splitlines()
    assert seen == "False False"
    newer = tuple(map(int, engine.client().version()["ApiVersion"].split(".")))
    if newer >= outside.SUBPATH_API:
        assert mounted == "volume"
        engine.client().volumes.get(outside.VOLUME).remove()
    else:
        assert mounted.startswith(f"error: the Docker Engine does not see {tmp_path}/file: ")
    assert not engine.client().containers.list(
        all=True, filters={"label": [f"{name}={value}" for name, value in owned.labels().items()]}
    )


def test_whether_it_starts_programs_of_other_processors(
    jetson: Image, native: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "BINFMT", Path("/absent"))
    monkeypatch.setattr(outside, "likely", lambda: True)
    cores.require(native.id)
    cores.require(jetson.id)
    monkeypatch.setattr(cores, "FOREIGN", "")
    with pytest.raises(ToolMissingError, match="Docker Engine's machine does not run arm64"):
        cores.require("sha256:" + "0" * 64)
