"""Which Python a project brings: in its settings and by its base images."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import dockerfiles

from tests.unit.doctor_scenes import in_time, judged, lines

L4T_BASE = "FROM nvcr.io/nvidia/l4t-base:r32.7.1\nRUN pip3 install mediapipe\n"


def test_a_base_image_is_known_by_its_python_and_its_release(tmp_path: Path) -> None:
    result = judged(tmp_path, {"Dockerfile": L4T_BASE}, device="nano")
    first = next(item for item in result.values() if item.bad)
    assert first.cause.id == "project-python"
    assert "brings Python 3.6 (Ubuntu 18.04, L4T 32.7.1, JetPack 4)" in lines(first)
    assert "./inv build --jetson --l4t 32.7.1" in first.cure
    assert "mediapipe without a version in requirements.txt" in result["old-requirement"].cure
    assert result["legacy-api"].result.status == "unknown"


def test_a_base_image_for_another_release_is_told(tmp_path: Path) -> None:
    answer = judged(tmp_path, {"Dockerfile": L4T_BASE}, device="orin")["image-for-another-l4t"]
    assert answer.bad
    assert "Dockerfile:1: nvcr.io/nvidia/l4t-base:r32.7.1 is for L4T 32.7.1" in lines(answer)
    here = judged(tmp_path, {"Dockerfile": L4T_BASE.replace("r32.7.1", "r36.2.0")}, device="orin")
    assert not here["image-for-another-l4t"].bad
    unseen = judged(tmp_path / "x", {"Dockerfile": L4T_BASE})["image-for-another-l4t"]
    assert unseen.result.status == "unknown"
    assert "is for L4T 32.7.1" in lines(unseen)


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("FROM dustynv/l4t-ml:r36.4.0\nRUN pip install x\n", "ok", "dustynv"),
        ("FROM dustynv/pytorch:2.7-r36.4.0-cu128-24.04\nRUN pip install x\n", "ok", "24.04"),
        ("FROM dustynv/l4t-pytorch:r35.4.1\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM python:3.11-slim-bookworm\nRUN pip install x\n", "ok", "3.11"),
        ("FROM python:3.8\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM ultralytics/ultralytics:latest-jetson-jetpack6\nRUN pip install x\n", "ok", "jet"),
        ("FROM ultralytics/ultralytics:8.3.0-jetson-jetpack5\nRUN pip install x\n", "bad", "3.8"),
        ("FROM nvcr.io/nvidia/deepstream-l4t:6.0.1-base\nRUN pip3 install x\n", "bad", "3.6"),
        ("FROM nvcr.io/nvidia/deepstream-l4t:6.2-samples\nRUN pip3 install x\n", "bad", "3.8"),
        ("FROM node:22-bookworm-slim\nRUN pip3 install x\n", "ok", "node:22"),
        ("FROM golang:1.20-buster\nRUN pip3 install x\n", "bad", "Python 3.7"),
        ("FROM node:20\nRUN pip3 install x\n", "unknown", "node:20 is not known"),
        ("FROM python:3.11-alpine\nRUN pip install x\n", "bad", "Alpine"),
        ("FROM ubuntu:focal\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM ubuntu:26.04\nRUN pip install x\n", "ok", "ubuntu:26.04"),
        ("FROM ros:lyrical-ros-base\nRUN pip3 install x\n", "ok", "ros:lyrical"),
        ("FROM debian:12-slim\nRUN pip install x\n", "ok", "debian:12-slim"),
        ("FROM ros:noetic-ros-base\nRUN pip3 install x\n", "bad", "Python 3.8"),
        ("FROM nvcr.io/nvidia/l4t-jetpack:r35.4.1\nRUN pip install x\n", "bad", "L4T 35.4.1"),
        (
            "FROM nvcr.io/nvidia/cuda:12.6.0-devel-ubuntu22.04\nRUN pip install x\n",
            "ok",
            "ubuntu22",
        ),
        ("FROM mycompany/base:7\nRUN pip install x\n", "unknown", "mycompany/base:7 is not known"),
        ("FROM mycompany/base@sha256:00\nRUN pip install x\n", "unknown", "is not known"),
        ("ARG B=ubuntu\nARG V=20.04\nFROM ${B}:$V\nRUN pip install x\n", "bad", "ubuntu:20.04"),
        ("ARG BASE\nFROM $BASE\nRUN pip install x\n", "unknown", "$BASE is not known"),
        (
            "FROM ubuntu:20.04\nRUN apt-get install -y python3.11 && python3.11 -m pip install x\n",
            "ok",
            "ubuntu:20.04",
        ),
        (
            "FROM ubuntu:20.04\nRUN curl x/Miniconda3.sh | sh && pip install x\n",
            "unknown",
            "can't be told",
        ),
        ("FROM node:20 AS web\nRUN npm i\nFROM python:3.11\nRUN pip install x\n", "ok", "3.11"),
        ("FROM ubuntu:20.04 AS a\nFROM a\nRUN pip install mediapipe\n", "bad", "Python 3.8"),
        ("FROM nginx\nCOPY x /y\n", "unknown", "names a Python"),
        ("FROM --platform=linux/arm64 ubuntu:20.04\nRUN pip install x\n", "bad", "Python 3.8"),
    ],
)
def test_base_images(tmp_path: Path, text: str, status: str, expected: str) -> None:
    answer = judged(tmp_path, {"Dockerfile": text})["project-python"]
    assert answer.result.status == status, lines(answer)
    assert expected in lines(answer)


@pytest.mark.parametrize(
    "line",
    [
        "RUN echo $((1<<3))", 'RUN bash -c "cat <<<word"', "RUN cat <<<word", "RUN cat << 'no end",
        "RUN <<EOF\necho a\nEOF", "RUN <<-EOF\n\techo a\n\tEOF", 'RUN cat <<"EOF"\na\nEOF',
        "RUN cat <<A <<B\na\nA\nb\nB", "COPY <<EOF /x\nFROM nothing:1\nEOF",
    ],
)  # fmt: skip
def test_what_looks_like_a_heredoc_hides_no_stage(line: str) -> None:
    text = f"FROM ubuntu:20.04\n{line}\nFROM python:3.11\nRUN pip install x\n"
    assert [base.image for base in dockerfiles.bases("Dockerfile", text.encode())] == [
        "ubuntu:20.04", "python:3.11",
    ]  # fmt: skip


RUNS = "services:\n  app:\n    image: {}\n    command: {}\n    runtime: nvidia\n"
QUIET = "services:\n  app:\n    image: {}\n    command: {}\n"
OLD = "python:3.8-slim brings Python 3.8"


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        (RUNS.format("python:3.11", "python app.py"), "ok", "compose.yml:3: python:3.11"),
        (QUIET.format("python:3.11", "python app.py"), "ok", "compose.yml:3: python:3.11"),
        (QUIET.format("python:3.12-bookworm", "./start"), "ok", "compose.yml:3: python:3.12"),
        (QUIET.format("ubuntu:22.04", "sh -c 'pip3 install x; ./a'"), "ok", "ubuntu:22.04"),
        (QUIET.format("ubuntu:22.04", "[bash, -c, python3 -m app]"), "ok", "ubuntu:22.04"),
        (RUNS.format("python:3.8-slim", "python app.py"), "bad", f"compose.yml:3: {OLD}"),
        (QUIET.format("python:3.8-slim", "python app.py"), "bad", f"compose.yml:3: {OLD}"),
        (RUNS.format("me/app:1", "python app.py"), "unknown", "compose.yml:3: the base image me/"),
        (QUIET.format("me/app:1", "python3.11 app.py"), "unknown", "base image me/app:1 is not"),
        (QUIET.format("redis:7", "redis-server"), "unknown", "no file of the project names"),
        (RUNS.format("python:3.11", "python a.py") + "  db:\n    image: redis:7\n", "ok", ":3.11"),
        (RUNS.format("python:3.11", "x") + "  db:\n    image: ubuntu:20.04\n", "ok", ":3.11"),
        (
            "x-app: &app\n  image: python:3.11\nservices:\n  a:\n    <<: *app\n    command: ./x\n",
            "ok",
            "compose.yml:2: python:3.11",
        ),
    ],
)
def test_images_of_services_count_as_dockerfiles_do(
    tmp_path: Path, text: str, status: str, expected: str
) -> None:
    answer = judged(tmp_path, {"compose.yml": text}, device="orin")["project-python"]
    assert answer.result.status == status, lines(answer)
    assert expected in lines(answer)


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (
            {"Dockerfile": "FROM --platform=linux/amd64 python:3.11\nRUN pip install mediapipe\n"},
            "Dockerfile:1",
        ),
        (
            {"compose.yml": "services:\n  a:\n    build: .\n    platform: linux/amd64\n"},
            "compose.yml:4",
        ),
    ],
)
def test_an_image_for_another_cpu_is_named(
    files: dict[str, str], place: str, tmp_path: Path
) -> None:
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert [item.place() for item in answer.result.findings] == [place]
    assert answer.title == "The project asks for an image of another CPU"
    assert "linux/arm64" in answer.cure
    assert "Python" not in answer.why
    for own in ("$BUILDPLATFORM", "${TARGETPLATFORM:-linux/amd64}", "linux/arm64/v8"):
        other = {"Dockerfile": f"FROM --platform={own} python:3.11\nRUN pip install x\n"}
        folder = tmp_path / str(len(own))
        assert not judged(folder, other, device="orin")["project-python"].bad


@pytest.mark.parametrize(("device", "release"), [("nano", "32.7.1"), ("orin", "36.4.3")])
def test_a_cure_is_for_the_release_of_the_board(device: str, release: str, tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM nvcr.io/nvidia/l4t-base:35.4.1\nRUN pip install mediapipe\n",
        "main.py": "import mediapipe\n",
    }
    answer = judged(tmp_path, files, device=device)["project-python"]
    assert f"--l4t {release}" in answer.cure
    files["Dockerfile"] = (
        "FROM ghcr.io/lanzani/opencv:l4t32.7.1-py3.6.8-ocv4.8.0\nRUN pip install x\n"
    )
    assert "--l4t 32.7.1" in judged(tmp_path / "2", files)["project-python"].cure


BUILT = "ARG L4T=r35.4.1\nFROM nvcr.io/nvidia/l4t-base:${L4T}\nRUN pip3 install mediapipe\n"


@pytest.mark.parametrize(
    "files",
    [
        {"build.sh": "V=r36.2.0\ndocker build --build-arg L4T=$V .\n"},
        {
            "build.sh": 'if [ "$(uname -m)" = aarch64 ]; then\n  V=r36.2.0\nelse\n  V=r35.4.1\nfi\n'
            "docker build --build-arg L4T=$V .\n"
        },
        {
            "build.sh": "V=r35.4.1\ncase $(uname -m) in\n"
            "  x86_64) docker build --build-arg L4T=$V . ;;\n"
            "  *) docker build --build-arg L4T=r36.2.0 . ;;\nesac\n"
        },
        {
            "compose.yml": "services:\n  a:\n    build:\n      context: .\n"
            "      args: {L4T: '${TAG:-r35.4.1}'}\n",
            ".env": "# tag\nexport TAG='r36.2.0' # of the board\n",
        },
    ],
)
def test_a_build_argument_may_be_a_variable(files: dict[str, str], tmp_path: Path) -> None:
    result = judged(tmp_path, {"Dockerfile": BUILT, **files}, device="orin")
    assert result["project-python"].result.status == "ok", lines(result["project-python"])
    assert "l4t-base:r36.2.0" in lines(result["project-python"])


def test_an_image_of_a_service_may_be_in_its_environment(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  a:\n    image: ${IMAGE}\n    runtime: nvidia\n",
        ".env": "IMAGE=nvcr.io/nvidia/l4t-base:r35.4.1\n",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert [item.place() for item in answer.result.findings] == ["compose.yml:3"]
    assert "then name the image that it makes in compose.yml" in answer.cure
    assert "remove" not in answer.cure


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.11 AS b_amd64\nFROM ubuntu:20.04 AS b_arm64\nFROM b_${TARGETARCH}\n",
        "ARG TARGETARCH\nFROM python:3 AS b-amd64\nFROM ubuntu:20.04 AS b-arm64\n"
        "FROM b-$TARGETARCH\n",
        "FROM python:3.11 AS amd64\nFROM ubuntu:20.04 AS arm64\nFROM ${TARGETARCH:-amd64} AS app\n",
        "ARG V=20\nFROM ubuntu:$V.04 AS linux-arm64\nFROM ${TARGETOS}-${TARGETARCH}\n",
        "FROM python:3 AS amd64\nFROM ubuntu:20.04 AS arm64\nFROM $TARGETARCH AS a\nFROM a\n",
    ],
)
def test_a_stage_may_be_named_after_the_machine(text: str, tmp_path: Path) -> None:
    files = {"Dockerfile": f"{text}RUN pip3 install mediapipe\n"}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert "ubuntu:20.04 brings Python 3.8" in lines(answer)
    assert answer.result.status != "unknown"
    assert "is not known" not in lines(answer)


def test_an_image_that_starts_what_the_project_does_not_have_is_no_cause(tmp_path: Path) -> None:
    own = {"app.py": "import mediapipe\n", "pose/run.py": "import mediapipe\n"}
    for number, start in enumerate(
        ('["python","/srv/other.py"]', "python -m other", '["python", "-u", "x/serve.py"]')
    ):
        files = {**own, "mock/Dockerfile": f"FROM python:3.8-slim\nCMD {start}\n"}
        assert not judged(tmp_path / str(number), files)["project-python"].bad
    for number, start in enumerate(("python app.py", '["python3", "-m", "pose.run"]')):
        files = {**own, "Dockerfile": f"FROM python:3.8-slim\nCMD {start}\n"}
        assert judged(tmp_path / f"own{number}", files)["project-python"].bad


@pytest.mark.parametrize("word", ["micromamba install ", "apt install ", "uv venv -p ", "pyenv "])
def test_a_long_command_is_read_in_time(word: str) -> None:
    with in_time():
        dockerfiles.bases("Dockerfile", f"FROM x\nRUN {word * 20_000}\n".encode())


def test_many_files_within_a_dockerfile_are_read_in_time() -> None:
    text = "FROM x\n" + "RUN cat <<EOF\nx\nEOF\n" * 20_000
    with in_time():
        dockerfiles.bases("Dockerfile", text.encode())


def test_what_an_image_starts_is_not_in_a_file_that_it_writes() -> None:
    text = "FROM x\nCMD a\nRUN <<EOF\nCMD b\nEOF\nRUN cat <<EOF >D\nFROM y\nEOF\n"
    assert dockerfiles.started(text) == ["CMD a"]
    assert dockerfiles.started("FROM x\nCMD a\nENTRYPOINT b\nCMD c\n") == ["ENTRYPOINT b", "CMD c"]
    assert dockerfiles.started("FROM x\nCMD a\nFROM y\n") == []
