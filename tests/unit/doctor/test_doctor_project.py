"""What the doctor says of whole projects: each a kind of which something was said wrongly."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from mediapipe_jetson.doctor import causes

from tests.unit.doctor_scenes import judged, lines, plant

COMPOSE_TWO = """\
services:
  det:
    image: a
    runtime: nvidia
  pose:
    image: b
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
"""


def test_the_commonest_cause_is_the_first() -> None:
    known, _ = causes.load()
    assert known[0].id == "gpu-not-requested"


def test_a_selfbuilt_wheel_is_no_official_one(tmp_path: Path) -> None:
    """The name and the version of a file prove nothing."""
    files = {"requirements.txt": "./wheels/mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown"
    assert "./inv wheels.audit" in lines(answer)


@pytest.mark.parametrize(
    ("library", "status", "expected"),
    [
        (b"GPU processing is disabled in build flags", "bad", "it holds the text"),
        (b"nothing", "unknown", "neither libEGL nor libGLESv2"),
        (None, "unknown", "can't be read"),
    ],
)
def test_a_wheel_in_the_project_is_audited(
    tmp_path: Path, library: bytes | None, status: str, expected: str
) -> None:
    name = "mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl"
    plant(tmp_path, {f"app/wheels/{name}": "no archive"})
    if library is not None:
        elf = (Path("/bin/true")).read_bytes()  # a real library's headers; x86_64 or aarch64
        with zipfile.ZipFile(tmp_path / "app/wheels" / name, "w") as archive:
            archive.writestr("mediapipe/python/_framework_bindings.cpython-310.so", elf + library)
    result = judged(tmp_path, {"requirements.txt": f"./wheels/{name}\n"}, device="orin")
    reported = lines(result["old-requirement"])
    if library == b"nothing" and "x86_64" in reported:
        status, expected = "bad", "its library is for x86_64"
    elif library and "x86_64" in reported:
        expected = "its library is for x86_64"
    assert result["old-requirement"].result.status == status, reported
    assert expected in reported


@pytest.mark.parametrize("device", ["orin", "nano", "thor", ""])
def test_python_comes_first_and_cures_fit_the_board(tmp_path: Path, device: str) -> None:
    text = "dependencies:\n  - python=3.8\n  - pip:\n      - mediapipe==0.10.11\n"
    result = judged(tmp_path, {"environment.yml": text}, device=device)
    bad = [name for name, item in result.items() if item.bad]
    assert bad[0] == "project-python"
    assert result["project-python"].cure == "environment.yml:2: write python=3.11"
    cure = result["old-requirement"].cure
    assert "once Python is 3.9 or later (environment.yml:2)" in cure
    if device == "nano":
        assert "mediapipe==0.10.18" in cure
        assert "1.0.1" not in cure
        assert "Orin" not in cure
    if device == "orin":
        assert "mediapipe>=1.0.1" in cure
        assert "Nano" not in cure


def test_a_virtual_nano_on_a_newer_cpu_is_a_nano(tmp_path: Path) -> None:
    """What the module is counts for more than the CPU below the virtual board."""
    new = (
        "processor : 0\nFeatures : fp asimd aes crc32 atomics fphp asimdhp asimdrdm lrcpc asimddp\n"
    )
    result = judged(
        tmp_path, {"requirements.txt": "mediapipe==0.10.9\n", "../proc/cpuinfo": new}, device="nano"
    )
    assert "old-requirement" not in [name for name, item in result.items() if item.bad]
    result = judged(tmp_path, {"requirements.txt": "mediapipe==1.2.2\n"}, device="nano")
    assert "mediapipe==0.10.18" in result["old-requirement"].cure


PACKAGE = (
    "from cvzone.HandTrackingModule import HandDetector\n\ndetector = HandDetector(maxHands=1)\n"
)


@pytest.mark.parametrize(
    ("requirement", "status", "expected"),
    [
        ("cvzone==1.5.6", "bad", "requirements.txt:1: cvzone==1.5.6: HandTrackingModule"),
        ("cvzone<2", "bad", "requirements.txt:1: cvzone<2"),
        ("cvzone~=1.6", "bad", "cvzone>=2.0.0"),
        ("cvzone==2.0.0", "ok", "no use"),
        ("cvzone", "ok", "no use"),
        ("", "unknown", "app.py:1: cvzone below 2.0.0 calls mp.solutions inside, and no file pins"),
        ("pymp-proctor", "bad", "pins mediapipe==0.8.9.1"),
        ("HandTrackingModule==0.2", "bad", "calls mp.solutions inside"),
        ("cvzone==2.0.0\nsomething-else", "unknown", "not looked into: something-else"),
        ("somebodys-mediapipe-thing==1.0", "unknown", "not looked into: somebodys-mediapipe"),
        ("mediapipe-nightly", "unknown", "not looked into: mediapipe-nightly"),
        ("cvzone==2.0.0\nnumpy\nopencv-python", "ok", "no use"),
    ],
)
def test_legacy_calls_within_packages(
    tmp_path: Path, requirement: str, status: str, expected: str
) -> None:
    files = {"app.py": PACKAGE, "requirements.txt": f"{requirement}\n"}
    answer = judged(tmp_path, files)["legacy-api"]
    assert answer.result.status == status, lines(answer)
    assert expected in lines(answer)


def test_both_ways_out_of_the_legacy_api_are_offered(tmp_path: Path) -> None:
    result = judged(tmp_path, {"app.py": "import mediapipe as mp\nmp.solutions.pose\n"})
    cure = result["legacy-api"].cure
    assert "leave the code as it is" in cure
    assert "./inv migrate DIR" in cure
    assert "app.py:2" in cure


def test_a_package_is_named_where_it_is_imported_too(tmp_path: Path) -> None:
    files = {"app.py": PACKAGE, "requirements.txt": "cvzone==1.5.6\n"}
    answer = judged(tmp_path, files)["legacy-api"]
    assert [item.place() for item in answer.result.findings] == ["app.py:1", "requirements.txt:1"]


def test_a_fork_is_named(tmp_path: Path) -> None:
    result = judged(tmp_path, {"requirements.txt": "rf-mediapipe==0.10.14\n"}, device="orin")
    assert "Roboflow's build of 0.10.14" in lines(result["old-requirement"])
    assert result["old-requirement"].cure == "requirements.txt:1: write mediapipe>=1.0.1"
    assert result["legacy-api"].result.status == "unknown"


def test_odd_names_are_read_by_their_content(tmp_path: Path) -> None:
    files = {
        "Dockerfile-l4t": "FROM ubuntu:20.04\nRUN pip3 install mediapipe==0.10.9\n",
        "reqs.txt": "mediapipe==0.10.9\n",
    }
    result = judged(tmp_path, files)
    places = [item.place() for item in result["old-requirement"].result.findings]
    assert places == ["Dockerfile-l4t:2", "reqs.txt:1"]
    assert result["project-python"].bad


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "We use this one here:\nmediapipe==0.10.9\n"),
        ("main.cc", '#include "mediapipe/framework/calculator_graph.h"\n'),
        ("package.json", '{"dependencies": {"@mediapipe/tasks-vision": "0.10.9"}}'),
        ("app.kt", "import com.google.mediapipe.tasks.vision\n"),
        ("main.go", 'import _ "github.com/someone/mediapipe"\n'),
        ("Cargo.toml", '[dependencies]\nmediapipe-rs = "0.1"\n'),
        ("CMakeLists.txt", "find_package(mediapipe REQUIRED)\n"),
        ("BUILD", 'cc_binary(name = "x", deps = ["//mediapipe/graphs/hand_tracking:desktop"])\n'),
        ("pod.yaml", "kind: Pod\nargs: [python3, -c, import mediapipe as mp]\n"),
    ],
)
def test_what_no_reader_knows_is_listed(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
    result = judged(tmp_path, files, device="orin")
    for cause in ("old-requirement", "legacy-api"):
        assert result[cause].result.status == "unknown"
        assert f"not read: {name}" in lines(result[cause])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pod.yaml", "kind: Pod\nspec: {command: [sh, -c, pip install mediapipe==0.10.9]}\n"),
        (
            ".github/workflows/ci.yml",
            "jobs: {a: {steps: [{run: pip install mediapipe==0.10.21}]}}\n",
        ),
        ("package.xml", "<exec_depend>python3-mediapipe-extra</exec_depend>\n"),
        ("install.ps1", "pip install mediapipe==0.10.9\n"),
        ("flake.nix", "{ p = python3.withPackages (p: [ p.mediapipe ]); }\n"),
        ("app_1.0.bb", 'RDEPENDS:${PN} += "python3-mediapipe"\n'),
    ],
)
def test_what_only_installs_says_nothing_of_programs(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
    result = judged(tmp_path, files, device="orin")
    assert result["old-requirement"].result.status == "unknown"
    assert f"not read: {name}" in lines(result["old-requirement"])
    for cause in ("legacy-api", "module-hidden"):
        assert result[cause].result.status == "ok", lines(result[cause])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "pip install mediapipe==0.10.9\n"),
        ("start.bat", "pip install mediapipe==0.10.9\n"),
        ("data.json", '{"text": "import mediapipe"}'),
        ("notes.txt", "mediapipe is nice\n"),
        ("LICENSE", "mediapipe\n"),
        ("roles/x.yml", "- name: mediapipe\n"),
    ],
)
def test_what_people_read_is_not(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
    assert judged(tmp_path, files, device="orin")["legacy-api"].result.status == "ok"


def test_compose_is_judged_service_by_service(tmp_path: Path) -> None:
    answer = judged(tmp_path, {"docker-compose.yml": COMPOSE_TWO}, device="orin")["gpus-flag"]
    assert [item.text() for item in answer.result.findings] == [
        "docker-compose.yml:11: service pose: a GPU is reserved without runtime: nvidia "
        "-> runtime: nvidia"
    ]
