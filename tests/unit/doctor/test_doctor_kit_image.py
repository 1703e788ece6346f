"""The kit's own images: known by their names, told as one way, and enough for old programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import causes, projects, report

from jetson_kit.build import plan
from jetson_kit.build.request import Request
from tests.unit.doctor_scenes import judged, lines, scene

OLD = "import mediapipe as mp\nmesh = mp.solutions.face_mesh.FaceMesh()\n"
KIT = "mediapipe-jetson:r32.7.1"
DOCKERFILE = "FROM nvcr.io/nvidia/l4t-base:r32.7.1\nRUN pip3 install -r requirements.txt\n"


def exit_code(folder: Path, files: dict[str, str]) -> int:
    texts = {f"app/{name}": text for name, text in files.items()}
    here = scene(folder, files=texts, code=folder / "app")
    return report.exit_code(causes.examine(here, project_only=True))


@pytest.mark.parametrize("module", ["", "nano", "xavier-nx"])
@pytest.mark.parametrize("variant", ["runtime", "dev"])
@pytest.mark.parametrize("registry", ["", "registry.example:5000/team/"])
def test_an_image_of_the_kit_is_known_by_its_name(module: str, variant: str, registry: str) -> None:
    planned = plan.make(Request(jetson=True, l4t="32.7.1", module=module, variant=variant))
    known = projects.image(registry + planned.tag)
    assert known is not None
    assert (known.kit, known.l4t, known.python) == (True, "32.7.1", planned.python)
    assert known.mediapipe == planned.pin.version
    assert known.pip is (variant == "dev")


def test_an_application_or_another_python_or_mediapipe_is_known() -> None:
    named = {
        "mediapipe-jetson:r36.4.4-face-mesh": ("3.11", "1.2.2", False),
        "mediapipe-jetson:r36.4.4-my-dev-tool": ("3.11", "1.2.2", False),
        "mediapipe-jetson:r36.4.4-py3.10": ("3.10", "1.2.2", False),
        "mediapipe-jetson:r36.4.4-mediapipe0.10.18": ("3.11", "0.10.18", False),
        "mediapipe-jetson:native-arm64-dev": ("3.11", "1.2.2", True),
    }
    for name, what in named.items():
        known = projects.image(name)
        assert known is not None, name
        assert (known.python, known.mediapipe, known.pip) == what, name
    for other in (
        "x/mediapipe-jetsonx:r36.4.4",
        "mediapipe-jetson:latest",
        "my-mediapipe-jetson:r32",
    ):
        image = projects.image(other)
        assert image is None or not image.kit


@pytest.mark.parametrize(
    "image", [KIT, f"localhost:5000/{KIT}-nano", f"{KIT}-nano-drowsy", "mediapipe-jetson:r36.4.4"]
)
def test_old_code_may_stay_in_the_kits_image(image: str, tmp_path: Path) -> None:
    files = {"a.py": OLD, "Dockerfile": f"FROM {image}\nCOPY . /app\n"}
    files["requirements.txt"] = "mediapipe\n"
    result = judged(tmp_path, files)
    assert result["legacy-api"].result.status == "ok"
    assert f"Dockerfile:1: {image}" in lines(result["legacy-api"])
    assert "is not known" not in "".join(lines(item) for item in result.values())
    assert exit_code(tmp_path / "x", files) == 0


@pytest.mark.parametrize(
    ("code", "files"),
    [
        (f"{OLD}mp.solutions.face_mesh.FACE_CONNECTIONS\n", {}),
        ("import mediapipe as mp\nmp.solutions.objectron.Objectron()\n", {}),
        (OLD, {"Dockerfile": f"FROM {KIT} AS a\nFROM python:3.11\nRUN pip install mediapipe\n"}),
    ],
)
def test_what_the_kits_image_does_not_have_is_told(
    code: str, files: dict[str, str], tmp_path: Path
) -> None:
    given = {"a.py": code, "Dockerfile": f"FROM {KIT}\n", **files}
    assert judged(tmp_path, given)["legacy-api"].bad


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"FROM {KIT}\nRUN pip install flask\n", 2),
        (f"FROM {KIT}\nRUN apt-get update && python3 -m pip install -r x.txt\n", 2),
        (f"FROM {KIT} AS a\nFROM a\nRUN pip3 install flask\n", 3),
        (f"FROM --platform=linux/arm64 {KIT}\nRUN pip install flask\n", 2),
        (f"FROM {KIT}-dev\nRUN pip install flask\n", 0),
        (f"FROM {KIT}-dev AS p\nRUN pip install x\nFROM {KIT}\nCOPY --from=p /p /p\n", 0),
        (f"FROM {KIT}\nRUN apt-get install flask\n", 0),
        ("FROM python:3.11\nRUN pip install flask\n", 0),
    ],
)
def test_pip_in_an_image_that_has_none(text: str, line: int, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"Dockerfile": text})["kit-image-pip"]
    assert answer.bad is bool(line)
    if line:
        assert answer.cure.startswith(f"Dockerfile:{line}: ")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"run.py": "__main__", "eyes.py": ""}, 'command = ["python3", "run.py"]'),
        ({"only.py": ""}, 'command = ["python3", "only.py"]'),
        ({"src/main.py": "__main__", "test_a.py": "__main__"}, '["python3", "src/main.py"]'),
        ({"a/b/x.py": "__main__", "a/y.py": "__main__"}, 'command = ["python3", "a/y.py"], then'),
        ({"lib/a.py": ""}, "copy that program to where jetson.toml is"),
        ({}, "the project's program as command"),
        ({"README.md": "for a Jetson Nano"}, "--module nano "),
        ({"README.md": "for a jetson-nano 2GB board"}, "--module nano-2gb "),
        ({"README.md": "for a Jetson Xavier NX"}, "--module xavier-nx "),
        ({"README.md": "TX2 or Jetson Nano"}, "--l4t 32.7.1 --app DIR"),
        ({"setup.sh": "apt-get install nano"}, "--l4t 32.7.1 --app DIR"),
    ],
)
def test_the_way_into_the_image_is_one(
    files: dict[str, str], expected: str, tmp_path: Path
) -> None:
    files = {"Dockerfile": DOCKERFILE, "requirements.txt": "mediapipe==0.8.9\n", **files}
    result = judged(tmp_path, files)
    assert expected in result["project-python"].cure
    assert "./inv build --jetson --l4t 32.7.1 --" in result["project-python"].cure
    assert "--app DIR" in result["project-python"].cure
    assert "write mediapipe without a version" in result["old-requirement"].cure
    assert "0.10.18" not in result["old-requirement"].cure


@pytest.mark.parametrize(
    "start",
    [
        'CMD ["xvfb-run", "-a", "python3", "-u", "edge/pose.py"]',
        'ENTRYPOINT ["python3", "/app/edge/pose.py"]',
        "CMD python3 edge/pose.py --source 0",
        'ENTRYPOINT ["python3"]\nCMD ["./edge/pose.py"]',
        'CMD ["sh", "-c", "cd /app && python3 edge/pose.py"]',
        "CMD python3 main.py && python3 edge/pose.py",
        'CMD ["sh", "-c", "python3 /app/main.py; python3 /app/edge/pose.py"]',
        "CMD python3 edge/pose.py\nRUN <<EOF\nCMD python3 main.py\nFROM x\nEOF",
        "CMD python3 main.py\nCMD python3 edge/pose.py",
        'ENTRYPOINT ["python3", "edge/pose.py"]\nCMD ["main.py"]',
    ],
)
def test_the_program_is_what_the_dockerfile_starts(start: str, tmp_path: Path) -> None:
    files = {"edge/pose.py": "", "main.py": "", "tools/x.py": "__main__"}
    files["Dockerfile"] = f"{DOCKERFILE}{start}\n"
    cure = judged(tmp_path, files)["project-python"].cure
    assert 'write jetson.toml with command = ["python3", "edge/pose.py"], then' in cure


@pytest.mark.parametrize(
    ("requirement", "toml", "status"),
    [
        ("mediapipe", "", "ok"),
        ("mediapipe>=1.0", "", "ok"),
        ("mediapipe==0.8.9", "", "bad"),
        ("mediapipe==0.10.18", "", "bad"),
        ("mediapipe==0.10.18", '[target]\nmediapipe = "0.10.18"\n', "ok"),
        ("mediapipe-silicon", "", "bad"),
    ],
)
def test_an_application_takes_the_images_mediapipe(
    requirement: str, toml: str, status: str, tmp_path: Path
) -> None:
    files = {"a.py": OLD, "requirements.txt": f"{requirement}\n"}
    files["jetson.toml"] = f'command = ["python3", "a.py"]\n{toml}'
    result = judged(tmp_path, files)
    assert result["old-requirement"].result.status == status, lines(result["old-requirement"])
    if status == "bad":
        assert "write mediapipe without a version" in result["old-requirement"].cure
    assert result["legacy-api"].result.status == "ok"
    assert exit_code(tmp_path / "x", files) == (status == "bad")


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (
            "l4t-ml:r32.6.1-py3",
            "upgrade the board to L4T 32.7.1 or later, if it is older, then ./inv build ",
        ),
        ("l4t-ml:r32.6.1-py3", "./inv build --jetson --l4t r32 --app DIR"),
        ("l4t-base:r32.4.4", "upgrade the board to L4T 32.7.1 or later"),
        ("l4t-ml:r35.2.1-py3", "requirements.txt, then remove Dockerfile, which that does not"),
        ("l4t-ml:r35.2.1-py3", "./inv build --jetson --l4t 35.2.1 --app DIR"),
        ("l4t-ml:r35.4.2-py3", "./inv build --jetson --l4t r35.4 --app DIR"),
        ("l4t-base:35.9.1", "./inv build --jetson --l4t r35 --app DIR"),
        ("l4t-base:r34.1", "./inv build --jetson --l4t r34.1 --app DIR"),
    ],
)
def test_the_release_is_one_that_a_build_takes(base: str, expected: str, tmp_path: Path) -> None:
    text = f"FROM nvcr.io/nvidia/{base}\nRUN pip3 install mediapipe\n"
    cure = judged(tmp_path, {"Dockerfile": text, "app.py": ""})["project-python"].cure
    assert expected in cure
    option = cure.partition("--l4t ")[2].split()[0]
    assert plan.make(Request(jetson=True, l4t=option)).target is not None
