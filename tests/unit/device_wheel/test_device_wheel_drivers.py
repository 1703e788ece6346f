"""EGL vendors, Vulkan drivers and the child process that touches them; MediaPipe's library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from mediapipe_jetson import elf, isolated
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import egl, gl, manifests, native, vulkan

from tests.support.here import needs_parts
from tests.unit.device_wheel_trees import SOURCE, plant

CC = shutil.which("cc")
needs_cc = needs_parts("cc", "libc-dev")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))


def put(path: Path, library: object, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"ICD": {"library_path": library, **more}}))
    return path


def compiled(folder: Path, name: str, code: str, *options: str) -> Path:
    (folder / f"{name}.c").write_text(code)
    library = folder / f"lib{name}.so"
    command = [str(CC), "-shared", "-fPIC", "-o", str(library), str(folder / f"{name}.c")]
    subprocess.run([*command, *options], check=True)
    return library


def shared_object() -> Path:
    """Return a real shared library of this very Python."""
    import _ctypes

    return Path(_ctypes.__file__)


def test_egl_folders_in_their_order(tmp_path: Path) -> None:
    put(tmp_path / "usr/share/glvnd/egl_vendor.d/50_mesa.json", "libEGL_mesa.so.0")
    put(tmp_path / "usr/share/glvnd/egl_vendor.d/10_nvidia.json", "libEGL_nvidia.so.0")
    put(tmp_path / "etc/glvnd/egl_vendor.d/90_mine.json", "sub/libmine.so")
    (tmp_path / "etc/glvnd/egl_vendor.d/README").write_text("no manifest")
    result = egl.read(tmp_path, {})
    assert isinstance(result, egl.Egl)
    assert [(vendor.path, vendor.library) for vendor in result.vendors] == [
        ("/etc/glvnd/egl_vendor.d/90_mine.json", "/etc/glvnd/egl_vendor.d/sub/libmine.so"),
        ("/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "libEGL_nvidia.so.0"),
        ("/usr/share/glvnd/egl_vendor.d/50_mesa.json", "libEGL_mesa.so.0"),
    ]
    assert all(vendor.loads is None for vendor in result.vendors)


def test_egl_environment_wins(tmp_path: Path) -> None:
    root = plant(tmp_path, "orin")
    put(root / "usr/share/glvnd/egl_vendor.d/50_mesa.json", "libEGL_mesa.so.0")
    name = "/usr/lib/aarch64-linux-gnu/tegra-egl/nvidia.json"
    both = {egl.FILENAMES: f"{name}:/nowhere.json", egl.DIRS: "/usr/share/glvnd/egl_vendor.d"}
    result = egl.read(root, both)
    assert isinstance(result, egl.Egl)
    assert [vendor.path for vendor in result.vendors] == [name, "/nowhere.json"]
    assert result.vendors[1].problem == "no such file"
    result = egl.read(root, {egl.DIRS: both[egl.DIRS]})
    assert isinstance(result, egl.Egl)
    assert [vendor.library for vendor in result.vendors] == ["libEGL_mesa.so.0"]


def test_a_link_without_its_driver_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/glvnd/egl_vendor.d"
    folder.mkdir(parents=True)
    (folder / "10_nvidia.json").symlink_to("../../../lib/tegra-egl/nvidia.json")
    result = egl.read(tmp_path, {})
    assert isinstance(result, egl.Egl)
    assert result.vendors[0].problem == "the link leads nowhere"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not readable as JSON"),
        ("[]", "no ICD.library_path"),
        ('{"ICD": {}}', "no ICD.library_path"),
        ('{"ICD": {"library_path": 3}}', "is no text"),
        ('{"ICD": "x"}', "no ICD.library_path"),
        ("\xff", "not readable as JSON"),
    ],
)
def test_damaged_manifests(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))
    assert problem in str(manifests.parse(tmp_path, path).problem)


def test_vulkan_search(tmp_path: Path) -> None:
    put(tmp_path / "etc/vulkan/icd.d/nvidia_icd.json", "libGLX_nvidia.so.0", api_version="1.3.1")
    put(tmp_path / "usr/share/vulkan/icd.d/lvp_icd.json", "libvulkan_lvp.so")
    put(tmp_path / "mine.json", "libmine.so")
    result = vulkan.read(tmp_path, {"HOME": "/home/x"})
    assert isinstance(result, vulkan.Vulkan)
    assert [driver.library for driver in result.drivers] == [
        "libGLX_nvidia.so.0",
        "libvulkan_lvp.so",
    ]
    assert result.drivers[0].api_version == "1.3.1"
    for variable in vulkan.INSTEAD:
        result = vulkan.read(tmp_path, {variable: "/mine.json"})
        assert isinstance(result, vulkan.Vulkan)
        assert [driver.library for driver in result.drivers] == ["libmine.so"]
    result = vulkan.read(tmp_path, {vulkan.ADDED: "/mine.json"})
    assert isinstance(result, vulkan.Vulkan)
    assert result.drivers[0].library == "libmine.so"
    assert len(result.drivers) == 3


def test_libraries_are_really_loaded(tmp_path: Path) -> None:
    good = put(tmp_path / "good.json", str(shared_object()))
    bad = put(tmp_path / "bad.json", "libno_such_vendor.so.0")
    result = egl.read(Path("/"), {egl.FILENAMES: f"{good}:{bad}"})
    assert isinstance(result, egl.Egl)
    assert [vendor.loads for vendor in result.vendors] == [True, False]
    assert "libno_such_vendor" in str(result.vendors[1].problem)


@needs_cc
def test_a_crashing_driver_takes_nothing_down(tmp_path: Path) -> None:
    code = "#include <stdlib.h>\n__attribute__((constructor)) static void c(void) { abort(); }"
    crashing = compiled(tmp_path, "crash", code)
    answers = isolated.ask(["load:libc.so.6", f"load:{crashing}", f"load:{shared_object()}"])
    assert list(answers.values()) == [{}, "the driver crashed (SIGABRT)", {}]


@needs_cc
def test_a_hanging_driver_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "#include <unistd.h>\n__attribute__((constructor)) static void c(void) { sleep(60); }"
    hanging = compiled(tmp_path, "hang", code)
    monkeypatch.setenv("MEDIAPIPE_JETSON_PROBE_TIMEOUT_S", "2")
    answers = isolated.ask(["load:libc.so.6", f"load:{hanging}", "load:libm.so.6"])
    assert answers["load:libc.so.6"] == {}
    assert answers[f"load:{hanging}"] == "no answer within 2 s"
    assert answers["load:libm.so.6"] == "not tried: the driver hung before"


def test_gl_here_is_a_renderer_or_a_reason() -> None:
    result = gl.read()
    if isinstance(result, Absent):
        assert "default: " in result.reason
    else:
        assert result.renderer
        assert "OpenGL ES" in result.version
        assert result.attempts[0].platform == "default"


def test_elf_reader_agrees_with_pyelftools() -> None:
    for path in (shared_object(), Path(sys.executable).resolve()):
        with path.open("rb") as stream:
            file = ELFFile(stream)
            section = file.get_section_by_name(".dynamic")
            assert isinstance(section, DynamicSection)
            needed = tuple(str(vars(tag)["needed"]) for tag in section.iter_tags("DT_NEEDED"))
            machine = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}[file["e_machine"]]
        assert elf.read(path) == elf.Library(machine, needed)


def test_elf_reader_refuses_what_is_none(tmp_path: Path) -> None:
    whole = shared_object().read_bytes()
    for content in (b"", b"\x7fELF", b"PK\3\4" * 50, whole[:70], whole[:200]):
        file = tmp_path / "x.so"
        file.write_bytes(content)
        with pytest.raises(elf.NotElfError):
            elf.read(file)
        assert isinstance(native.examine(file), Absent)


@needs_cc
def test_gpu_compiled_in_is_read_from_the_library(tmp_path: Path) -> None:
    for name in ("EGL", "GLESv2-0f3c9a"):
        compiled(tmp_path, name, "int f(void) { return 1; }", f"-Wl,-soname,lib{name}.so.1")
    options = [f"-L{tmp_path}", "-Wl,--no-as-needed", "-lEGL", "-lGLESv2-0f3c9a"]
    text = native.DISABLED.decode()
    gpu = native.examine(compiled(tmp_path, "gpu", "int g;", *options))
    off = native.examine(compiled(tmp_path, "off", f'const char *t = "{text}";', *options))
    unclear = native.examine(compiled(tmp_path, "unclear", "int u;"))
    for native_library, verdict in ((gpu, True), (off, False), (unclear, None)):
        assert isinstance(native_library, native.NativeLibrary)
        assert native_library.gpu_compiled_in is verdict
    assert isinstance(gpu, native.NativeLibrary)
    assert gpu.needed[:2] == ("libEGL.so.1", "libGLESv2-0f3c9a.so.1")
