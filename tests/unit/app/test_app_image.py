"""An application in plan, configuration and labels; the video that stands in for a camera."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import fit, service, settings
from jetson_kit.app.fit import Image
from jetson_kit.app.settings import App
from jetson_kit.app_testing import clip, scaffold
from jetson_kit.audit import native
from jetson_kit.build import image_config, image_labels, plan
from jetson_kit.build.request import Request
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import BadInputError
from jetson_kit.emulation import cpus
from jetson_kit.service import role_values
from tests.unit import tiny_wheel

TOML = """
command = ["python3", "-u", "app.py"]
backend = "litert"
[environment]
A = "b"
[service]
devices = ["/dev/video0"]
ports = ["8080:80"]
[health]
interval_s = 7
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    folder = tmp_path / "door"
    folder.mkdir()
    (folder / "app.py").write_text("")
    (folder / "jetson.toml").write_text(TOML)
    return settings.load(folder)


def test_the_image_has_a_name_of_its_own_and_runs_the_application(app: App) -> None:
    plain, own = plan.make(Request(jetson=True)), plan.make(Request(jetson=True, app=app))
    assert own.tag == f"{plain.tag}-door"
    config = image_config.settings({}, app)
    assert config["Cmd"] == ["python3", "-u", "app.py"]
    assert config["WorkingDir"] == "/app"
    assert {"A=b", "MEDIAPIPE_JETSON_BACKEND=litert"} <= set(config["Env"])
    assert config["Healthcheck"]["Interval"] == 7_000_000_000
    usual = image_config.settings({})
    assert config["Healthcheck"]["Test"] == usual["Healthcheck"]["Test"]
    assert (usual["Cmd"], usual["WorkingDir"]) == (["info"], "/")


def test_labels_say_what_the_container_needs(app: App) -> None:
    labels = image_labels.application(plan.make(Request(jetson=True, app=app)))
    assert labels["io.mediapipe-jetson.app"] == "door"
    assert json.loads(labels["io.mediapipe-jetson.app.service"]) == {
        "devices": ["/dev/video0"],
        "ports": ["8080:80"],
        "volumes": [],
        "network": "bridge",
    }
    assert image_labels.application(plan.make(Request(jetson=True))) == {}


def test_another_base_is_refused(app: App) -> None:
    with pytest.raises(BadInputError, match="--app is put on the kit's own base"):
        plan.make(Request(jetson=True, base="ngc", app=app))


def test_a_clip_is_a_video_of_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    clip.write(path, [scaffold.picture("hand")] * 3)
    raw = path.read_bytes()
    assert (raw[:4], raw[8:12]) == (b"RIFF", b"AVI ")
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8
    assert raw.count(b"\xff\xd8\xff") == 3
    with pytest.raises(BadInputError, match="no JPEG"):
        clip.write(tmp_path / "other.avi", [path])


def site(tmp_path: Path, name: str, data: bytes, package: str = "tiny") -> Path:
    """Return a folder of unpacked packages with one file in it."""
    folder = tmp_path / "site"
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(f"{name},,\n")
    return folder


def image(tmp_path: Path, *files: str) -> Image:
    tar = tmp_path / "deps.tar"
    with LayerTar(tar) as layer:
        for name in files:
            layer.data(f"opt/mediapipe/lib/python3.11/site-packages/{name}", "x")
    return Image("bookworm", "arm64", None, (tar,))


def test_a_package_that_would_replace_the_images_files_is_refused(tmp_path: Path) -> None:
    folder = site(tmp_path, "cv2/__init__.py", b"")
    with pytest.raises(BadInputError, match=r"tiny 1.0 would replace cv2/__init__.py"):
        fit.check(folder, image(tmp_path, "cv2/__init__.py"))
    fit.check(folder, image(tmp_path, "numpy/__init__.py"))


def test_opencvs_contrib_is_not_said_to_be_in_the_image(tmp_path: Path) -> None:
    folder = site(tmp_path, "cv2/__init__.py", b"", "opencv_contrib_python")
    with pytest.raises(BadInputError) as raised:
        fit.check(folder, image(tmp_path, "cv2/__init__.py"))
    assert raised.value.cure.startswith("leave it out: the image has OpenCV, without contrib's")


@pytest.mark.parametrize(("glibc", "fits"), [("2.36", True), ("2.38", False)])
def test_a_package_that_needs_a_newer_c_library_is_refused(
    tmp_path: Path, glibc: str, fits: bool
) -> None:
    folder = site(tmp_path, "tiny/_it.so", tiny_wheel.elf(glibc=glibc))
    library = native.read("it", (folder / "tiny/_it.so").read_bytes())
    assert library is not None
    assert library.glibc == glibc
    if fits:
        fit.check(folder, image(tmp_path))
        return
    with pytest.raises(BadInputError, match=r"tiny 1.0 needs glibc 2.38, the image has 2.36"):
        fit.check(folder, image(tmp_path))


COMPILED, FOR_2 = "module compiled against ABI version 0x%x", "numpy._core._multiarray_umath"


@pytest.mark.parametrize(
    ("texts", "numpy", "fits"),
    [
        ((COMPILED, "numpy.core._multiarray_umath"), "2.2.6", False),
        ((COMPILED, "numpy.core._multiarray_umath", FOR_2), "2.2.6", True),
        ((COMPILED, "numpy.core._multiarray_umath"), "1.26.4", True),
        ((COMPILED, "numpy.core._multiarray_umath"), "", True),
        (("numpy.core.multiarray",), "2.2.6", True),
    ],
)
def test_a_package_that_is_compiled_for_another_numpy_is_refused(
    tmp_path: Path, texts: tuple[str, ...], numpy: str, *, fits: bool
) -> None:
    """The texts are those of NumPy's own headers, __multiarray_api.h of 1.26 and of 2.0."""
    folder = site(
        tmp_path, "tiny/_it.cpython-311-aarch64-linux-gnu.so", tiny_wheel.elf(texts=texts)
    )
    stands_on = replace(image(tmp_path), numpy=numpy)
    if fits:
        fit.check(folder, stands_on)
        return
    with pytest.raises(BadInputError, match=r"^tiny 1.0 is compiled for NumPy 1, and") as raised:
        fit.check(folder, stands_on)
    assert raised.value.cure == "name a newer version of it, whose wheels are compiled for NumPy 2"


@pytest.mark.parametrize(
    ("name", "texts", "refused"),
    [
        ("tiny/_it.cpython-311-aarch64-linux-gnu.so", (), True),
        ("tiny/_it.abi3.so", (), True),
        ("tiny/_it.so", ("PyInit__it",), True),
        ("tiny/_it.so", ("PyInit__it_2",), False),
        ("tiny/lib/libtiny_python.so", ("PyInit__C",), False),
        ("tiny.libs/libtiny-0123abcd.so.1", (), False),
    ],
)
def test_a_library_that_is_no_module_is_warned_of(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    texts: tuple[str, ...],
    *,
    refused: bool,
) -> None:
    """libtorch_python.so asks for NumPy when arrays are first used, and loads without it."""
    folder = site(tmp_path, name, tiny_wheel.elf(texts=(COMPILED, *texts)))
    stands_on = replace(image(tmp_path), numpy="2.2.6")
    if refused:
        with pytest.raises(BadInputError, match=r"^tiny 1.0 is compiled for NumPy 1, and"):
            fit.check(folder, stands_on)
        return
    fit.check(folder, stands_on)
    assert f"tiny 1.0 is compiled for NumPy 1 in {name}, and the image has 2.2.6" in caplog.text


def test_images_that_judge_otherwise_have_keys_of_their_own(tmp_path: Path) -> None:
    first = image(tmp_path)
    core = cpus.load()[0]
    others = (
        replace(first, core=core), replace(first, numpy="1.26.4"), replace(first, suite="trixie"),
        replace(first, system=tmp_path / "system.tar"), replace(first, tars=(tmp_path / "x.tar",)),
    )  # fmt: skip
    assert len({item.key for item in (first, replace(first), *others)}) == 1 + len(others)


def test_the_roles_take_the_services_variables(app: App) -> None:
    variables = service.variables(app)
    assert role_values.faults(variables) == []
    assert variables["service_container"]["command"] == []
    assert variables["service_container"]["network"] == "bridge"
    assert variables["service_extra_options"] == ["--device=/dev/video0", "--publish=8080:80"]
    assert variables["service_device_nodes"][-1] == "/dev/video0"
    text = service.variables_file(app)
    assert json.loads(text.partition("\n")[2]) == variables


def test_the_run_line_gives_what_the_application_names(app: App) -> None:
    arguments = shlex.split(service.run_line(app, "it:1"))
    assert arguments[-1] == "it:1"
    assert {"--device=/dev/video0", "--publish=8080:80", "--read-only"} <= set(arguments)
    assert arguments[arguments.index("--network") + 1] == "bridge"
