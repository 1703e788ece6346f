"""Arguments and variables of Dockerfiles, where Docker sees them and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import dockerfiles
from mediapipe_jetson.doctor.files.expansion import expanded

from tests.unit.doctor_scenes import in_time, judged, lines

STAGE = "FROM python:3.11\n"
# A Dockerfile, the build's arguments, and the last line with its variables in place.
FILLED = {
    "a default": (f"{STAGE}ARG V=1\nRUN x $V", {}, "RUN x 1"),
    "given": (f"{STAGE}ARG V=1\nRUN x $V", {"V": "2"}, "RUN x 2"),
    "given, and nowhere declared": (f"{STAGE}RUN x $V", {"V": "2"}, "RUN x $V"),
    "before FROM alone": (f"ARG V=1\n{STAGE}RUN x $V", {}, "RUN x $V"),
    "before FROM, given": (f"ARG V=1\n{STAGE}RUN x $V", {"V": "2"}, "RUN x $V"),
    "before FROM, named again": (f"ARG V=1\n{STAGE}ARG V\nRUN x $V", {}, "RUN x 1"),
    "named again, given": (f"ARG V=1\n{STAGE}ARG V\nRUN x $V", {"V": "2"}, "RUN x 2"),
    "another default in the stage": (f"ARG V=1\n{STAGE}ARG V=3\nRUN x $V", {}, "RUN x 3"),
    "no default": (f"{STAGE}ARG V\nRUN x $V", {}, "RUN x $V"),
    "in FROM": ("ARG V=3.11\nARG T=$V-slim\nFROM python:${T}", {}, "FROM python:3.11-slim"),
    "in FROM, given": ("ARG V=3.11\nFROM python:$V", {"V": "3.8"}, "FROM python:3.8"),
    "a stage's in FROM": (f"{STAGE}ARG V=1\nFROM x:$V", {}, "FROM x:$V"),
    "the platform": ("FROM x-$TARGETARCH", {}, "FROM x-arm64"),
    "ENV": (f"{STAGE}ENV V=1\nRUN x $V", {"V": "2"}, "RUN x 1"),
    "ENV counts for more": (f"{STAGE}ENV V=1\nARG V=3\nRUN x $V", {"V": "2"}, "RUN x 1"),
    "ENV of ARG": (f"{STAGE}ARG V=1\nENV V=${{V}}.2\nRUN x $V", {}, "RUN x 1.2"),
    "ENV in the old form": (f"{STAGE}ENV V 1\nRUN x $V", {}, "RUN x 1"),
    "several": (f"{STAGE}ENV A=1 \\\n  B=2\nRUN x $A$B", {}, "RUN x 12"),
    "several arguments": (f"{STAGE}ARG A=1 B=2\nRUN x $A$B", {}, "RUN x 12"),
    "of another stage": ("FROM x AS a\nARG V=1\nFROM y\nRUN x $V", {}, "RUN x $V"),
    "of the stage below": ("FROM x AS a\nENV V=1\nFROM a\nRUN x $V", {}, "RUN x 1"),
    "of the stage below, an argument": ("FROM x AS a\nARG V=1\nFROM a\nRUN x $V", {}, "RUN x 1"),
    "set by the command": (f"{STAGE}ARG V=1\nRUN V=2 && x $V", {}, "RUN V=2 && x $V"),
    "set by an argument that is not known": (
        f"{STAGE}ARG V=1\nRUN x $V", {"V": "${OF_THE_SHELL}"}, "RUN x $V"),
    "a default of its own": (f"{STAGE}ARG V\nRUN x ${{V:-4}}", {}, "RUN x 4"),
    "a default that is not needed": (f"{STAGE}ARG V=1\nRUN x ${{V:-4}}", {}, "RUN x 1"),
    "where it is set": (f"{STAGE}ARG V=1\nRUN x${{V:+==$V}}", {}, "RUN x==1"),
    "where it is empty": (f"{STAGE}ARG V=\nRUN x${{V:+==$V}}", {}, "RUN x"),
    "where it is not known": (f"{STAGE}ARG V\nRUN x${{V:+==$V}}", {}, "RUN x${V:+==$V}"),
    "in a heredoc": (f"{STAGE}ARG V=1\nRUN <<E\nx $V\nE", {}, "x 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILLED)
def test_variables_are_seen_where_docker_sees_them(kind: str) -> None:
    text, given, last = FILLED[kind]
    rows = dockerfiles.filled(text, given).splitlines()
    assert len(rows) == len(text.splitlines())
    assert rows[-2 if rows[-1] == "E" else -1] == last


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("$A ${A} $B ${B}", "1 1 $B ${B}"),
        ("${B:-x} ${B-x} ${A:-x} ${E:-x} ${E-x}|", "x x 1 x |"),
        ("${A:+y} ${E:+y} ${B:+y}", "y  ${B:+y}"),
        ("${B:-${A}} ${B:-${C:-z}} ${A:+${A}2}", "1 z 12"),
        ("${A#x} ${A/1/2} ${#A}", "${A#x} ${A/1/2} ${#A}"),
        (r"\$A ${A", r"\$A ${A"),
        ("${B:?no} ${A:?no}", "${B:?no} 1"),
    ],
)
def test_variables_in_place(text: str, right: str) -> None:
    assert expanded(text, {"A": "1", "E": "", "N": None}) == right


COMPOSE = "services:\n  app:\n    build:\n      context: .\n      args:\n        {}\n"


def test_the_python_of_an_argument_is_named(tmp_path: Path) -> None:
    text = (
        "ARG PY=3.8\nFROM ubuntu:22.04\nARG PY\n"
        "RUN pip install uv && uv venv --python $PY && uv pip install mediapipe==1.2.2\n"
    )
    result = judged(tmp_path, {"Dockerfile": text}, device="orin")
    assert result["project-python"].bad
    assert result["project-python"].cure == (
        "Dockerfile:2: install Python 3.11 there in place of 3.8"
    )
    assert "leave it as it is, once Python is 3.9" in result["old-requirement"].cure


def test_arguments_of_compose_files_count_for_more(tmp_path: Path) -> None:
    text = "ARG MP=1.2.2\nFROM python:3.11\nARG MP\nRUN pip install mediapipe==${MP}\n"
    files = {"Dockerfile": text, "compose.yaml": COMPOSE.format("MP: 0.10.9")}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "Dockerfile:4: mediapipe==0.10.9" in lines(answer)


def test_an_argument_that_only_a_shell_knows_is_not_the_default(tmp_path: Path) -> None:
    text = "ARG PY=3.11\nFROM python:$PY\nRUN pip install mediapipe==1.2.2\n"
    files = {"Dockerfile": text, "compose.yaml": COMPOSE.format("PY: ${PY_VERSION}")}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "unknown", lines(answer)


def test_an_argument_that_the_stage_does_not_see_is_explained(tmp_path: Path) -> None:
    text = "ARG MP=1.2.2\nFROM python:3.11\nRUN pip install mediapipe==$MP\n"
    answer = judged(tmp_path, {"Dockerfile": text}, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "sees an ARG from before FROM where it names it again" in lines(answer)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dockerfile", f"{STAGE}RUN echo " + "${a" * 6_000 + "\n"),
        ("Dockerfile", f"{STAGE}RUN echo " + "${a" * 20_000 + "}" * 10_000 + "\n"),
        (
            "Dockerfile",
            f"{STAGE}ARG A0=abc\n"
            + "".join(f"ARG A{n}={f'$A{n - 1}' * 3}\n" for n in range(1, 40)),
        ),
        (
            "Dockerfile",
            f"{STAGE}ENV A0=abc\n"
            + "".join(f"ENV A{n}={f'$A{n - 1}' * 3}\n" for n in range(1, 40)),
        ),
        ("README.md", "pip " * 20_000 + "\n"),
        ("Makefile", "x:\n" * 3_000 + "\n" * 100_000 + "\tpip install a\n" * 200),
        ("Dockerfile", f"{STAGE}RUN pip install a {'sh ' * 20_000}\n"),
        ("Dockerfile", STAGE + "\n" * 100_000 + "RUN pip install a\n"),
    ],
)
def test_long_lines_are_read_in_time(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "requirements.txt": "mediapipe>=0.10\n" * (name == "Dockerfile")}
    with in_time():
        assert judged(tmp_path, files, device="orin")


def test_a_value_that_grows_too_long_is_not_known() -> None:
    for word in ("ARG", "ENV"):
        rows = "".join(f"{word} A={'$A' * 3}\n" for _ in range(12))
        text = dockerfiles.filled(f"{STAGE}{word} A=abc\n{rows}RUN x $A\n", {})
        assert text.endswith("RUN x $A\n")
        assert len(text) < 1_000_000
