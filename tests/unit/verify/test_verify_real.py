"""verify with official MediaPipe wheels, on this machine's software OpenGL ES and on its CPU."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest
from mediapipe_jetson.verify import facts, report, session

from jetson_kit.models import bundles as models
from jetson_kit.wheels import pins as wheels
from tests.support.here import not_here_if
from tests.unit.verify.real_runs import environment, mesa, own_rule, verify

RENAMED = "NVIDIA Tegra Orin (nvgpu)/integrated"
NEWEST = wheels.pins()[0].version
WITH_GPU = sorted({p.version for p in wheels.pins() if wheels.classes()[p.wheel_class].gpu})
# What is on WebGPU finds no adapter, or no buffer, on Mesa's lavapipe.
GL_TASKS = [
    name
    for name in session.usual_tasks()
    if (facts.interface(name, NEWEST) or {}).get("api") == "gl"
]
pytestmark = [pytest.mark.network, pytest.mark.slow]


# A board's load file, but of the child's use of the CPU: its real timing, its real turns.
TURNS = """
import json, os, sys, threading, time
from pathlib import Path
from mediapipe_jetson.verify import cycles, hardware, runner, session
root, model, follows = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "follows"
load = root / "sys/devices/gpu.0/load"
load.parent.mkdir(parents=True)
load.write_text("0")
def ticks(child):
    fields = (child / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if int(fields[1]) == os.getpid() else None
def follow():
    last = {}
    while True:
        time.sleep(0.1)
        used = 0
        for child in Path("/proc").glob("[0-9]*"):
            try:
                now = ticks(child)
            except OSError:
                continue
            if now is not None:
                used += now - last.get(child, now)
                last[child] = now
        # Busy or not, as a GPU would be: how much of a core it got depends on who else computes.
        load.write_text("900" if follows and used else "0")
threading.Thread(target=follow, daemon=True).start()
task = session.tasks()["FaceLandmarker"]
wanted = runner.ChildRequest(task, model, session.DATA / task["picture"], ("CPU",), frames=2,
                       bursts=session.BURSTS)
print(json.dumps(cycles.of_observation(runner.run(wanted, hardware.Sampler(root))[0])))
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("newest"), NEWEST)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home, in which Mesa keeps the shaders that it compiled."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.skipif(bool(mesa()), reason=mesa())
def test_software_is_software_under_any_name(newest: str, tmp_path: Path, home: Path) -> None:
    arguments = [word for name in GL_TASKS for word in ("--task", name)]
    done, result = verify(
        newest, tmp_path, home, "--level", "full", "--expect", "software", *arguments,
        force_gl_renderer=RENAMED,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    for name in GL_TASKS:
        task = result["tasks"][name]
        assert task["verdict"] == "software", task["reasons"]
        # The whole graph ran, and as on the CPU: only where it ran is not as it says.
        facts = task["facts"]
        assert facts["run"]["work"] == "enough", (name, facts["run"])
        assert RENAMED in facts["run"]["names"]
        assert facts["task"]["result"] == "match", (name, facts["task"])
        assert task["controls"]["cpu"]["verdict"] == "cpu"
        assert task["controls"]["withheld"]["verdict"] == "broken"
    # What was observed gives the same again.
    second = report.rejudge(result, 3600)
    assert second["verdict"] == "software"

    done, result = verify(newest, tmp_path, home, force_gl_renderer=RENAMED)
    assert (done.returncode, result["verdict"]) == (1, "software")

    done, result = verify(newest, tmp_path, home)
    assert (done.returncode, result["verdict"]) == (1, "software")
    assert own_rule(result) == "software-refused"


@pytest.mark.skipif(bool(mesa()), reason=mesa())
def test_a_task_that_webgpu_cannot_run_is_broken(newest: str, tmp_path: Path, home: Path) -> None:
    done, result = verify(
        newest, tmp_path, home, "--task", "FaceDetector", force_gl_renderer=RENAMED
    )
    assert (done.returncode, result["verdict"]) == (11, "broken"), done.stdout
    assert own_rule(result, "FaceDetector") in ("no-vulkan-adapter", "created-then-failed")


def test_the_cpu_is_the_cpu(newest: str, tmp_path: Path, home: Path) -> None:
    arguments = [word for name in session.usual_tasks() for word in ("--task", name)]
    done, result = verify(
        newest, tmp_path, home, "--delegate", "cpu", "--expect", "cpu", *arguments
    )
    assert (done.returncode, result["verdict"]) == (0, "cpu"), done.stdout
    assert {own_rule(result, name) for name in session.usual_tasks()} == {"no-work"}


def test_without_a_driver_it_is_broken(newest: str, tmp_path: Path, home: Path) -> None:
    nowhere = "/no/such/vendor.json"
    done, result = verify(
        newest, tmp_path, home, __EGL_VENDOR_LIBRARY_FILENAMES=nowhere, VK_DRIVER_FILES=nowhere
    )
    assert (done.returncode, result["verdict"]) == (11, "broken")
    assert own_rule(result) == "no-egl-display"
    assert result["tasks"]["FaceLandmarker"]["controls"]["cpu"]["verdict"] == "cpu"


@pytest.mark.skipif(bool(mesa()), reason=mesa())
@pytest.mark.parametrize("version", WITH_GPU)
def test_each_task_runs_on_the_interface_of_the_table(
    version: str, tmp_path: Path, home: Path
) -> None:
    """Without any Vulkan driver those on WebGPU find no adapter, and the others work."""
    python = environment(tmp_path, version)
    _, result = verify(
        python, tmp_path, home,
        *(word for name in session.usual_tasks() for word in ("--task", name)),
        force_gl_renderer=RENAMED, VK_DRIVER_FILES="/nowhere", VK_ICD_FILENAMES="/nowhere",
    )  # fmt: skip
    for name in session.usual_tasks():
        seen, row = result["tasks"][name]["facts"]["run"], facts.interface(name, version)
        assert row is not None
        assert seen["no_adapter"] == (row["api"] == "webgpu"), name
        assert (seen["work"] == "enough") == (row["api"] == "gl"), name


@pytest.mark.skipif(bool(mesa()), reason=mesa())
def test_without_the_counter_nothing_is_claimed(tmp_path: Path, home: Path) -> None:
    python = environment(tmp_path, NEWEST, counts=False)
    _, result = verify(python, tmp_path, home, force_gl_renderer=RENAMED)
    task = result["tasks"]["FaceLandmarker"]
    assert task["verdict"] == "software"
    assert task["facts"]["run"]["work"] is None
    assert task["controls"]["cpu"]["verdict"] == "cpu"


@not_here_if(platform.machine() != "x86_64", "on aarch64 other versions lack the GPU")
def test_a_library_without_gpu_is_cpu_with_the_cause(tmp_path: Path, home: Path) -> None:
    """1.0.0 is the x86_64 wheel that was built without the GPU, as 0.10.18 is on aarch64."""
    python = environment(tmp_path, "1.0.0")
    done, result = verify(python, tmp_path, home)
    assert (done.returncode, result["verdict"]) == (1, "cpu"), done.stdout
    assert result["tasks"]["FaceLandmarker"]["rule"] == "gpu-not-built-in"
    assert "built without GPU support" in done.stdout


@pytest.mark.skipif(bool(mesa()), reason=mesa())
@not_here_if(platform.machine() != "x86_64", "0.10.21 is for x86_64 only")
@pytest.mark.parametrize("version", ["0.10.21", "1.0.1"])
def test_other_versions(version: str, tmp_path: Path, home: Path) -> None:
    """0.10.21 brings copies of libEGL and libGLESv2; both lack the callback for log lines."""
    python = environment(tmp_path, version)
    arguments = ("--task", "FaceLandmarker", "--task", "FaceDetector")
    # The number of EGL_PLATFORM_SURFACELESS_MESA: 0.10.x finds no display by itself.
    _, result = verify(
        python, tmp_path, home, *arguments, force_gl_renderer=RENAMED, EGL_PLATFORM="0x31DD"
    )
    for name, task in result["tasks"].items():
        assert task["verdict"] == "software", (name, task["reasons"])
        assert task["facts"]["run"]["work"] == "enough"
        assert task["controls"]["cpu"]["verdict"] == "cpu"
        assert not result["observations"]["tasks"][name]["run"]["log"]["present"]


@pytest.mark.parametrize(("moves", "expected"), [("follows", "rises"), ("rests", "flat")])
def test_the_counter_is_tied_to_the_process(
    newest: str, tmp_path: Path, moves: str, expected: str
) -> None:
    model = models.fetch(["face"])[0]
    command = [newest, "-c", TURNS, str(tmp_path / "root"), str(model), moves]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["hardware"] == expected, document
