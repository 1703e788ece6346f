"""The doctor as it is run: by hand, by the host's task, on Python 3.9, and over a real ssh."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import jsonschema
import pytest
from mediapipe_jetson.doctor import commands, scene
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import driver

from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.doctor import local as doctor
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.device_wheel import PACKAGE
from tests.support.here import cannot_run_here
from tests.unit.device_wheel_trees import SOURCE, schema, wheel
from tests.unit.doctor_scenes import legacy_project, program


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return legacy_project(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--nonsense"], 2),
        (["--code"], 2),
        (["--code", "/proc/nonexistent"], 2),
        (["extra"], 2),
    ],
)
def test_usage(arguments: list[str], code: int) -> None:
    done = wheel("doctor", *arguments)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    if code:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_json_and_text(project: Path) -> None:
    done = wheel("doctor", "--json", "--code", str(project))
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("doctor"))
    result = {item["id"]: item for item in document["causes"]}
    assert result["legacy-api"]["findings"][0]["file"] == "main.py"
    assert result["old-requirement"]["status"] == "bad"
    text = wheel("doctor", "--code", str(project)).stdout
    assert "main.py:2: Hands(max_num_hands=...) -> num_hands" in text
    assert "Traceback" not in text


def test_a_machine_without_a_gpu_is_judged_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from mediapipe.tasks.python import BaseOptions, vision\n"
        "base = BaseOptions(model_asset_path='f.task', delegate=BaseOptions.Delegate.GPU)\n"
        "options = vision.FaceLandmarkerOptions(base_options=base)\n"
        "vision.FaceLandmarker.create_from_options(options)\n"
    )
    (tmp_path / "requirements.txt").write_text("mediapipe==1.2.2\n")
    arguments = ("doctor", "--json", "--code", str(tmp_path))
    project = json.loads(wheel(*arguments).stdout)
    jsonschema.validate(project, schema("doctor"))
    machine = json.loads(wheel(*arguments, "--local").stdout)
    alone = {item["id"] for item in project["causes"]}
    assert project["project_only"] is not scene.here().may_have_gpu
    assert {"gpu-not-requested", "legacy-api", "old-requirement"} <= alone
    assert {item["id"] for item in machine["causes"]} > alone or scene.here().may_have_gpu
    assert "no-nvidia-runtime" in {item["id"] for item in machine["causes"]}


@pytest.mark.parametrize("name", ["libnvme.so.1", "libnvme-mi.so.1", "libnvpair.so.3"])
def test_libraries_of_others_are_no_driver(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    (folder / name).touch()
    assert driver.libraries_in(folder) == ()
    for theirs in ("libnvrm_gpu.so", "libnvmedia.so", "libnvidia-eglcore.so.540.4.0"):
        (folder / theirs).touch()
    assert len(driver.libraries_in(folder)) == 3


def test_a_single_file(project: Path) -> None:
    done = wheel("doctor", "--json", "--code", str(project / "main.py"))
    result = {item["id"]: item for item in json.loads(done.stdout)["causes"]}
    assert result["legacy-api"]["findings"][0]["file"] == "main.py"


def python_of(version: str) -> str:
    """Return such a Python of this machine, installed or built by pyenv; skip without one."""
    built = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python3"))
    for name in (f"python{version}", *map(str, built)):
        with contextlib.suppress(OSError):
            if not subprocess.run([name, "--version"], capture_output=True, check=False).returncode:
                return name
    return cannot_run_here(f"no Python {version}, of which there is no package")


def test_runs_on_python_3_9(project: Path) -> None:
    python = python_of("3.9")
    done = wheel("doctor", "--json", "--code", str(project), python=python)
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["python"].startswith("3.9.")
    assert not any("check failed" in item["evidence"][0] for item in document["causes"])


def test_an_older_python_is_told(project: Path) -> None:
    python = python_of("3.8")
    done = wheel("doctor", python=python)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Python 3.8 is too old for the wheel; ")


def test_programs_that_fail_are_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    program(folder, "says", "echo hello")
    program(folder, "fails", "echo one >&2; echo two >&2; exit 3")
    program(folder, "hangs", "exec sleep 60")
    (folder / "odd").write_text("no program")
    (folder / "odd").chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.3)
    assert commands.run(("says",), environment) == "hello\n"
    for name, expected in (
        ("fails", "two"),
        ("hangs", "0.3 s"),
        ("odd", "odd"),
        ("no", "installed"),
    ):
        result = commands.run((name,), environment)
        assert isinstance(result, Absent)
        assert expected in result.reason


def test_a_docker_that_hangs_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell asks it: ending the shell alone would leave one more with each doctor."""
    folder, note = tmp_path / "bin", tmp_path / "pid"
    program(folder, "docker", f"echo $$ >{note}; exec sleep 60")
    monkeypatch.setattr(commands, "TIMEOUT_S", 2.0)
    result = commands.run(
        commands.COMMANDS["docker-containers"], {"PATH": f"{folder}:/usr/bin:/bin"}
    )
    assert isinstance(result, Absent)
    assert result.reason == "docker gave no answer within 2 s"
    place = Path("/proc", note.read_text().strip(), "stat")
    deadline = time.monotonic() + 10
    while place.exists() and place.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.05)


def test_a_board_as_its_own_programs_tell_it(tmp_path: Path) -> None:
    """The commands that are asked exist in the form in which real ones answer."""
    folder = tmp_path / "bin"
    program(
        folder, "docker", '[ "$1" = version ] && echo 28.0.1; [ "$1" = ps ] && echo abc; exit 0'
    )
    program(folder, "nvidia-ctk", "echo NVIDIA Container Toolkit CLI version 1.17.3")
    outputs = commands.outputs({"PATH": f"{folder}:/usr/bin:/bin"})
    assert outputs["docker-version"] == "28.0.1\n"
    assert outputs["toolkit-version"] == "NVIDIA Container Toolkit CLI version 1.17.3\n"


@pytest.mark.network
@pytest.mark.parametrize(
    ("version", "gpu", "vulkan"),
    [("0.10.18", "bad", "ok"), (wheels.pins()[0].version, "ok", "unknown")],
)
def test_official_wheels(tmp_path: Path, version: str, gpu: str, vulkan: str) -> None:
    """Installed as pip would, read and not loaded: these are for aarch64."""
    with zipfile.ZipFile(wheels.fetch(wheels.select("arm64", "3.11", version))) as archive:
        archive.extractall(tmp_path)
    done = wheel("doctor", "--json", path=Path(f"{SOURCE}{os.pathsep}{tmp_path}"))
    document = json.loads(done.stdout)
    causes = {item["id"]: item["status"] for item in document["causes"]}
    assert document["mediapipe"] == version
    assert (causes["wheel-without-gpu"], causes["vulkan-icd-missing"]) == (gpu, vulkan)


@pytest.mark.docker
def test_a_real_engine_answers() -> None:
    outputs = commands.outputs(dict(os.environ))
    for name in ("docker-version", "docker-runtimes", "docker-containers"):
        assert isinstance(outputs[name], str), outputs[name]
    runtimes = outputs["docker-runtimes"]
    assert isinstance(runtimes, str)
    assert "runc" in json.loads(runtimes)


def test_local(project: Path) -> None:
    diagnosis = doctor.local(project)
    jsonschema.validate(diagnosis.document, schema("doctor"))
    assert {"legacy-api", "old-requirement"} <= set(diagnosis.bad)
    assert "The program uses the legacy API" in diagnosis.text
    with pytest.raises(CheckFailedError, match="legacy-api"):
        diagnosis.check()


def test_local_without_such_code() -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        doctor.local(Path("/proc/nonexistent"))


def test_payload_holds_code_and_tables_only(project: Path) -> None:
    (project / "secret.key").write_text("no code")
    names = zipfile.ZipFile(BytesIO(doctor.payload(project))).namelist()
    assert "package/mediapipe_jetson/doctor/cli.py" in names
    assert "package/mediapipe_jetson/data/doctor.json" in names
    assert [name for name in names if name.startswith("code/")] == [
        "code/",
        "code/main.py",
        "code/requirements.txt",
    ]
    assert {"package/yaml/loader.py", "package/tomli/_parser.py"} <= set(names)
    assert not any("astronaut" in name or "__pycache__" in name for name in names)


@pytest.mark.parametrize("seconds", [0, 1, 315_532_799, 4_354_819_200])
def test_payload_of_files_from_before_or_after_the_time_of_zip(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """A site's kit is unpacked with files of 1970."""
    package = tmp_path / "src"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*package.rglob("*"), *project.rglob("*")):
        os.utime(path, (seconds, seconds))
    monkeypatch.setattr(doctor, "PACKAGE", package)
    names = zipfile.ZipFile(BytesIO(doctor.payload(project))).namelist()
    assert "package/mediapipe_jetson/doctor/cli.py" in names
    assert "code/main.py" in names


def test_payload_holds_what_is_told_by_its_content(project: Path) -> None:
    """Odd names are sent, a wheel by its name alone, other data not at all."""
    (project / "reqs.txt").write_text("mediapipe==0.10.9\n")
    (project / "build-nano").write_text("FROM x\nRUN pip install mediapipe==0.10.9\n")
    (project / "main.cc").write_text('#include "mediapipe/framework/x.h"\n')
    (project / "photo.txt").write_text("no requirement")
    (project / "mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl").write_bytes(b"large")
    archive = zipfile.ZipFile(BytesIO(doctor.payload(project)))
    sent = {name.removeprefix("code/") for name in archive.namelist() if name.startswith("code/")}
    assert {"reqs.txt", "build-nano", "main.cc"} <= sent
    assert "photo.txt" not in sent
    wheel_name = "code/mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl"
    assert archive.read(wheel_name) == b""


@pytest.mark.parametrize("version", ["3.9", "3.10"])
def test_structured_files_are_read_where_python_has_no_parser(
    project: Path, tmp_path: Path, version: str
) -> None:
    """What is sent is enough: TOML and YAML are read by the parsers that come along."""
    python = python_of(version)
    (project / "uv.lock").write_text('[[package]]\nname = "mediapipe"\nversion = "0.10.21"\n')
    (project / "environment.yml").write_text("dependencies:\n  - python=3.8\n")
    with zipfile.ZipFile(BytesIO(doctor.payload(project))) as archive:
        archive.extractall(tmp_path / "sent")
    command = [python, "-m", "mediapipe_jetson", "doctor", "--json", "--code", "code"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "sent/package")}
    done = subprocess.run(
        command, cwd=tmp_path / "sent", env=environment, capture_output=True, text=True, check=False
    )
    causes = {item["id"]: item for item in json.loads(done.stdout)["causes"]}
    assert causes["project-python"]["status"] == "bad", done
    assert "uv.lock" in {item["file"] for item in causes["old-requirement"]["findings"]}


def invoke(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the task from a collection of its own."""
    (folder / "tasks.py").write_text(
        "from invoke.collection import Collection\nfrom jetson_kit.tasks import doctor\n"
        "from jetson_kit.command_line import program\n"
        "program.main(Collection(doctor.doctor))\n"
    )
    return subprocess.run(
        [sys.executable, str(folder / "tasks.py"), "doctor", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_task(project: Path, tmp_path: Path) -> None:
    done = invoke("--json", "--code", str(project), folder=tmp_path)
    assert done.returncode == 1
    jsonschema.validate(json.loads(done.stdout), schema("doctor"))
    # On a slow machine a line tells that it still reads.
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("  ...")]
    assert "legacy-api" in line
    for arguments, cure in (
        (("--local", "--for", "a@b"), "exclude each other"),
        (("-i", "hosts.yml"), "is not there"),
        (("--code", "/proc/nonexistent"), "is not there"),
        (("--for", "-x"), "no host"),
    ):
        wrong = invoke(*arguments, folder=tmp_path)
        assert wrong.returncode == 2, wrong
        assert cure in wrong.stderr
        assert wrong.stderr.count("\n") == 1
