"""The real wheels: loaded bytes untouched, `pip check` clean, drawing as the examples do."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from bench import import_time as import_bench
from jetson_kit.core import uv
from jetson_kit.models import bundles as models
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes, repack
from tests.support.here import not_here_if
from tests.unit.small_wheels import record_hash

pytestmark = [pytest.mark.network, pytest.mark.slow]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
VERSIONS = tuple(dict.fromkeys(pin.version for pin in wheels.pins()))
PHOTO = """
import sys
import mediapipe as mp, numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from skimage.data import astronaut
photo = astronaut()
options = vision.FaceLandmarkerOptions(
    base_options=BaseOptions(model_asset_path=sys.argv[1]), output_face_blendshapes=True)
with vision.FaceLandmarker.create_from_options(options) as landmarker:
    result = landmarker.detect(mp.Image(mp.ImageFormat.SRGB, photo))
landmarks = result.face_landmarks[0]
assert len(landmarks) == 478
"""
# What MediaPipe's face landmarker example does: mesh, contours, irises, and a bar of blendshapes.
EXAMPLE_1 = """
from mediapipe.tasks.python.vision import drawing_styles as styles, drawing_utils as utils
canvas = photo.copy()
parts = vision.FaceLandmarksConnections
for lines, style in (
    (parts.FACE_LANDMARKS_TESSELATION, styles.get_default_face_mesh_tesselation_style()),
    (parts.FACE_LANDMARKS_CONTOURS, styles.get_default_face_mesh_contours_style()),
    (parts.FACE_LANDMARKS_LEFT_IRIS + parts.FACE_LANDMARKS_RIGHT_IRIS,
     styles.get_default_face_mesh_iris_connections_style()),
):
    utils.draw_landmarks(image=canvas, landmark_list=landmarks, connections=lines,
                         landmark_drawing_spec=None, connection_drawing_spec=style)
pairs = [(line.start, line.end) for line in parts.FACE_LANDMARKS_LIPS]
"""
EXAMPLE_0 = """
from mediapipe.framework.formats import landmark_pb2
from mediapipe import solutions
utils, styles, mesh = solutions.drawing_utils, solutions.drawing_styles, solutions.face_mesh
landmarks = landmark_pb2.NormalizedLandmarkList(landmark=[
    landmark_pb2.NormalizedLandmark(x=one.x, y=one.y, z=one.z) for one in landmarks])
canvas = photo.copy()
for lines, style in (
    (mesh.FACEMESH_TESSELATION, styles.get_default_face_mesh_tesselation_style()),
    (mesh.FACEMESH_CONTOURS, styles.get_default_face_mesh_contours_style()),
    (mesh.FACEMESH_IRISES, styles.get_default_face_mesh_iris_connections_style()),
):
    utils.draw_landmarks(image=canvas, landmark_list=landmarks, connections=lines,
                         landmark_drawing_spec=None, connection_drawing_spec=style)
pairs = list(mesh.FACEMESH_LIPS)
with mesh.FaceMesh(static_image_mode=True) as old:
    assert len(old.process(photo).multi_face_landmarks[0].landmark) == 468
"""
CHANGED = """
rows, columns = np.nonzero((canvas != photo).any(axis=2))
assert len(rows) > 2000, len(rows)
# The astronaut's face is in this part of the 512x512 picture; nothing is drawn elsewhere.
assert 20 < rows.min() and rows.max() < 260 and 140 < columns.min() and columns.max() < 320
assert not any(name.startswith("matplotlib") for name in sys.modules)
"""
WITHOUT = """
try:
    utils.plot_landmarks(landmarks, pairs)
except ImportError as error:
    print(error)
"""
WITH = """
import matplotlib
matplotlib.use("Agg")
utils.plot_landmarks(landmarks, pairs)
plot = matplotlib.pyplot.gcf()
assert len(plot.axes[0].collections) == 478 and len(plot.axes[0].lines) == len(pairs)
shapes = result.face_blendshapes[0]
figure, bars = matplotlib.pyplot.subplots(figsize=(12, 12))
bars.barh(range(len(shapes)), [one.score for one in shapes])
bars.set_yticks(range(len(shapes)), [one.category_name for one in shapes])
figure.tight_layout()
figure.canvas.draw()
ink = np.asarray(figure.canvas.buffer_rgba())
assert (ink[..., :3] != 255).any() and len(bars.patches) == 52
print("drawn")
"""


@pytest.mark.parametrize("arch", wheels.ARCHITECTURES)
@pytest.mark.parametrize("version", VERSIONS)
def test_loaded_bytes_and_licences_are_the_official_ones(
    version: str, arch: str, tmp_path: Path
) -> None:
    pin = wheels.select(arch, "3.11", version)
    path = repack.build(pin, tmp_path)
    stripped: dict[str, tuple[bytes, bytes]] = {}
    patched = {patch.path for patch in recipes.recipe_for(version).patches}
    with zipfile.ZipFile(wheels.fetch(pin)) as old, zipfile.ZipFile(path) as new:
        info = f"mediapipe-{pin.jetson_version}.dist-info/"
        rows = csv.reader(new.read(f"{info}RECORD").decode().splitlines())
        record = {row[0]: (row[1], row[2]) for row in rows}
        names = set(new.namelist())
        assert set(record) == names
        for name in names - {f"{info}RECORD"}:
            data = new.read(name)
            assert record[name] == (record_hash(data), str(len(data))), name
            original = name.replace(info, f"mediapipe-{version}.dist-info/")
            if name in patched:
                assert data != old.read(name)
                compile(data, name, "exec")
            elif ".so" in name and data != old.read(original):
                stripped[name] = data, old.read(original)
            elif not name.startswith(info) or "LICENSE" in name or "NOTICE" in name:
                assert data == old.read(original), name
        document = json.loads(new.read(info + repack.PROVENANCE))
        assert {row["path"]: row["official_sha256"] for row in document["native_libraries"]} == {
            name: hashlib.sha256(old.read(name)).hexdigest() for name in names if ".so" in name
        }
    assert set(stripped) == {row["path"] for row in document["stripped"]} != set()
    for row in document["stripped"]:
        after, before = stripped[row["path"]]
        assert loaded(after) == loaded(before)
        assert loaded_sections(after) == loaded_sections(before)
        assert hashlib.sha256(after).hexdigest() == row["after"]["sha256"]
        assert (len(before), len(after)) == (row["before"]["bytes"], row["after"]["bytes"])
        digest = hashlib.sha256()
        for _, content in loaded(before):
            digest.update(content)
        assert digest.hexdigest() == row["loaded_sha256"]
        names = {part.name for part in ELFFile(io.BytesIO(after)).iter_sections()}
        assert {".dynsym", ".dynstr"} <= names
        assert not names & {".symtab", ".strtab", ".comment"}


# Where the section table is: e_shoff, e_shnum, e_shstrndx. No loader reads them.
TABLE_FIELDS = ((0x28, 8), (0x3C, 4))


def loaded(data: bytes) -> list[tuple[dict[str, int | str], bytes]]:
    """Return every program header and, of those that are loaded, the bytes."""
    raw = bytearray(data)
    for start, size in TABLE_FIELDS:
        raw[start : start + size] = bytes(size)
    return [
        (
            dict(part.header),
            bytes(memoryview(raw)[part["p_offset"] : part["p_offset"] + part["p_filesz"]])
            if part["p_type"] == "PT_LOAD"
            else b"",
        )
        for part in ELFFile(io.BytesIO(data)).iter_segments()
    ]


def loaded_sections(data: bytes) -> list[tuple[int, str, dict[str, int | str]]]:
    """Return the number, name and header of each section that is loaded."""
    return [
        (number, part.name, {key: part[key] for key in part.header if key != "sh_name"})
        for number, part in enumerate(ELFFile(io.BytesIO(data)).iter_sections())
        if part["sh_flags"] & SH_FLAGS.SHF_ALLOC
    ]


@not_here_if(not HERE, "no MediaPipe wheel is for this machine")
@pytest.mark.parametrize("version", VERSIONS)
def test_drawing_as_the_public_examples_do(version: str, tmp_path: Path) -> None:
    pin = wheels.select(HERE, PYTHON, version)
    model = str(models.fetch(("face",))[0])
    example = PHOTO + (EXAMPLE_0 if version.startswith("0.") else EXAMPLE_1) + CHANGED

    def ran(python: Path, program: str) -> str:
        done = subprocess.run(
            [python, "-c", program, model], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    bare = import_bench.jetson_environment(pin, PYTHON, tmp_path / "bare")
    uv.uv(["tool", "run", "pip", "--python", bare, "check"], what="pip check")
    uv.install(
        bare, "scikit-image", "--constraints", wheels.lock_for(pin.wheel_class, HERE, PYTHON)
    )
    message = ran(bare, example + WITHOUT)
    assert message == "plotting landmarks needs matplotlib: install mediapipe[drawing]"
    record = "from mediapipe.tasks.python.audio.core import audio_record as a\n"
    record += "try: a.AudioRecord(1, 16000, 100)\nexcept ImportError as e: print(e)"
    message = ran(bare, record)
    assert message == "recording audio needs sounddevice: install mediapipe[audio]"

    full = import_bench.jetson_environment(pin, PYTHON, tmp_path / "full", "drawing")
    uv.install(
        full, "scikit-image", "--constraints", wheels.lock_for(pin.wheel_class, HERE, PYTHON)
    )
    assert ran(full, example + WITH) == "drawn"
