"""Stages of Dockerfiles: those that the project's builds make, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import stages

from tests.unit.doctor_scenes import judged, lines

TEXT = """\
FROM python:3.11 AS base
RUN apt-get update
FROM base AS prod
RUN pip install mediapipe==1.2.2
FROM base AS dev
RUN pip install mediapipe==0.10.9
"""
COMPOSE = "services:\n  app:\n    build: {{context: .{}}}\n"
BUILDS = [
    ({"compose.yaml": COMPOSE.format(", target: prod")}, "ok"),
    ({"compose.yaml": COMPOSE.format(", target: '${STAGE}'"), ".env": "STAGE=prod\n"}, "ok"),
    ({"build.sh": "STAGE=latest\ndocker build --target prod -t x:$STAGE .\n"}, "ok"),
    ({"compose.yaml": COMPOSE.format(", target: '${STAGE:-prod}'")}, "bad"),
    ({"Makefile": "STAGE ?= prod\nx:\n\tdocker build --target $(STAGE) .\n"}, "bad"),
    ({"justfile": "STAGE := 'prod'\nx:\n  docker build --target '{{ STAGE }}' .\n"}, "bad"),
    ({"build.sh": 'STAGE="${1:-prod}"\ndocker build --target="$STAGE" .\n'}, "bad"),
    ({"build.sh": "docker build --target prod -t x .\n"}, "ok"),
    ({"README.md": "```\ndocker build --target=prod .\n```\n"}, "ok"),
    ({"compose.yaml": COMPOSE.format("")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: dev")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: other")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: $STAGE")}, "bad"),
    ({"build.sh": "docker build --target prod -t x .\ndocker build -t y .\n"}, "bad"),
    ({"build.sh": 'docker build --target "$1" -t x .\n'}, "bad"),
    ({}, "bad"),
    (
        {
            "compose.yaml": COMPOSE.format(", target: prod"),
            ".github/workflows/a.yml": "jobs: {a: {steps: [{run: docker build --target dev .}]}}\n",
        },
        "bad",
    ),
    (
        {
            "build.sh": "docker build --target prod -t x .\n",
            "bg.py": "import threading\nthreading.Thread(target=dev).start()\n",
            "notes.md": "The dev server's target dev is for laptops.\n",
        },
        "ok",
    ),
    (
        {
            "build.sh": "docker build --target prod -t x .\n",
            "make.py": "run(['docker', 'build', '--target', 'dev', '.'])\n",
        },
        "bad",
    ),
    (
        {
            "compose.yaml": COMPOSE.format(", target: prod"),
            ".gitlab-ci.yml": "with:\n  target: dev\n",
        },
        "bad",
    ),
]


@pytest.mark.parametrize(("more", "status"), BUILDS)
def test_a_stage_that_no_build_makes_is_no_cause(
    tmp_path: Path, more: dict[str, str], status: str
) -> None:
    answer = judged(tmp_path, {"Dockerfile": TEXT, **more}, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)


def test_what_a_stage_is_made_from_stays() -> None:
    text = (
        "ARG X=1\nFROM a AS one\nRUN 1\nFROM b AS two\nRUN 2\nFROM c AS three\nRUN 3\n"
        "FROM d AS last\nCOPY --from=two /x /x\nRUN --mount=from=three,target=/y cp /y z\n"
        "FROM one AS not\nRUN 4\n"
    )
    gone = stages.unbuilt(text, {"last"})
    rows = stages.without(text.encode(), gone).decode().splitlines()
    numbers = [number for number, row in enumerate(rows, 1) if row]
    assert len(rows) == len(text.splitlines())
    assert numbers == [1, 4, 5, 6, 7, 8, 9, 10]
    assert gone == {1, 2, 10, 11}
    assert stages.unbuilt(text, {"0"}) == set(range(3, 12))
    for targets in ({stages.ALL, "last"}, set(), {"unknown"}):
        assert not stages.unbuilt(text, targets)


JETSON = "FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0"
OLD, NEW = "RUN pip install mediapipe==0.10.9\n", "RUN pip install mediapipe==1.2.2\n"
BY_VARIABLES = {
    "a base": f"{JETSON} AS base-arm64\n{OLD}FROM python:3.11 AS base-amd64\n"
    "FROM base-${TARGETARCH} AS final\n",
    "a copy": f"{JETSON} AS venv-arm64\n{OLD}FROM python:3.11 AS venv-amd64\n{JETSON}\n"
    "ARG TARGETARCH\nCOPY --from=venv-${TARGETARCH} /v /v\n",
    "a copy of what is not told": f"{JETSON} AS a\n{OLD}{JETSON}\nARG X\nCOPY --from=$X /v /v\n",
    "a mount": f"{JETSON} AS a\n{OLD}{JETSON}\nARG X\nRUN --mount=from=$X,target=/v cp /v /w\n",
    "an argument": f"ARG BASE=jp\n{JETSON} AS jp\n{OLD}FROM ${{BASE}}\n",
    "what is not told": f"ARG BASE\n{JETSON} AS jp\n{OLD}FROM ${{BASE}}\n",
}


@pytest.mark.parametrize("kind", BY_VARIABLES)
@pytest.mark.parametrize("build", ["docker buildx build .\n", "docker build --target 2 .\n"])
def test_stages_that_variables_name_stay(tmp_path: Path, kind: str, build: str) -> None:
    files = {"Dockerfile": BY_VARIABLES[kind], "build.sh": build, "Dockerfile.l4t": JETSON + NEW}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


def test_a_stage_by_an_argument_of_a_build_counts(tmp_path: Path) -> None:
    text = f"ARG BASE=new\n{JETSON} AS old\n{OLD}{JETSON} AS new\n{NEW}FROM ${{BASE}}\n"
    build = "docker build {}.\n"
    for given, status in (("--build-arg BASE=old ", "bad"), ("", "ok")):
        files = {"Dockerfile": text, "build.sh": build.format(given)}
        answer = judged(tmp_path, files, device="orin")["old-requirement"]
        assert answer.result.status == status, lines(answer)


def test_a_dockerfile_within_a_compose_file_builds_no_other_one(tmp_path: Path) -> None:
    files = {
        "Dockerfile": f"{JETSON} AS a\n{OLD}{JETSON}\n{NEW}",
        "compose.yaml": "services:\n  a:\n    build:\n      dockerfile_inline: |\n"
        "        FROM python:3.11\n",
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert "Dockerfile:2: mediapipe==0.10.9" in lines(answer)


SLIM = "FROM python:3.11-slim"
# Each with what is said of its packages and of its Pythons.
UNASKED = {
    "a stage that leads nowhere": (f"{SLIM} AS dev\n{OLD}{SLIM}\n{NEW}", "unknown", "ok"),
    "what is made from one": (
        f"{SLIM} AS a\nFROM a AS b\n{OLD}FROM b AS c\nRUN pytest\nFROM a\n{NEW}", "unknown", "ok"),
    "its heredoc": (
        f"{SLIM} AS a\nRUN <<EOF\npip install mediapipe==0.10.9\nEOF\n{SLIM}\n{NEW}",
        "unknown", "ok"),
    "its Python": (f"FROM python:3.8 AS dev\n{NEW}{SLIM}\n{NEW}", "ok", "unknown"),
    "its board": (
        f"FROM nvcr.io/nvidia/l4t-base:r32.7.1 AS nano\n{NEW}{JETSON}\n{NEW}", "ok", "unknown"),
    "what is right there alone": (f"{SLIM} AS dev\n{NEW}{SLIM}\n", "unknown", "unknown"),
    "nothing wrong": (f"{SLIM} AS dev\n{NEW}{SLIM}\n{NEW}", "ok", "ok"),
    "an argument's default": (
        f"ARG S=b\n{SLIM} AS a\n{OLD}{SLIM} AS b\n{NEW}FROM $S\n", "unknown", "ok"),
    "a copy": (f"{SLIM} AS a\n{OLD}{SLIM}\nCOPY --link --from=a /v /v\n", "bad", "ok"),
    "a copy by number": (f"FROM python:3.8\n{NEW}{SLIM}\nCOPY --from=0 /v /v\n", "bad", "bad"),
    "a copy of what is no number": (
        f"{SLIM} AS a\n{OLD}{SLIM}\nCOPY --from=² /v /v\n{NEW}", "unknown", "ok"),
    "a copy in quotes": (f'{SLIM} AS a\n{OLD}{SLIM}\nCOPY --from="a" /v /v\n', "bad", "ok"),
    "a copy in what is built upon": (
        f"{SLIM} AS a\n{OLD}{SLIM}\nONBUILD COPY --from=a /v /v\n", "bad", "ok"),
    "a copy behind another mark": (
        f"# escape=`\n{SLIM} AS a\n{OLD}{SLIM}\nCOPY --chown=1 `\n --from=a /v /v\n",
        "bad", "ok"),
    "a name twice": (f"{SLIM} AS a\n{OLD}FROM a AS a\nRUN x\n", "bad", "ok"),
    "a name twice in three": (
        f"{SLIM} AS a\n{OLD}FROM a AS b\nFROM alpine AS a\nFROM b\nRUN x\n", "bad", "ok"),
    "ends of pages": (f"{SLIM} AS a\n# \f\n# \f\n{SLIM}\nRUN x\n{OLD}", "bad", "ok"),
    "what is replaced there": (f"{SLIM} AS a\n{OLD}{NEW}{SLIM}\n{NEW}", "ok", "ok"),
    "a mount in capitals": (
        f'{SLIM} AS a\n{OLD}{SLIM}\nRUN --mount=type=bind,"FROM=a",target=/v x\n', "bad", "ok"),
    "a mount": (
        f"{SLIM} AS a\n{OLD}{SLIM}\nRUN --mount=from=a,target=/v cp -r /v /w\n", "bad", "ok"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNASKED)
def test_a_stage_that_leads_nowhere_is_no_certain_fault(tmp_path: Path, kind: str) -> None:
    text, packages, python = UNASKED[kind]
    answers = judged(tmp_path, {"Dockerfile": text}, device="orin")
    for cause, status in (("old-requirement", packages), ("project-python", python)):
        assert answers[cause].result.status == status, lines(answers[cause])


EDITOR = '{{"build": {{"dockerfile": "Dockerfile"{}}}}}'


@pytest.mark.parametrize(
    ("stages_", "target", "build", "status"),
    [
        ("dev prod", ', "target": "prod"', "", "unknown"),
        ("dev prod", ', "target": "dev"', "", "bad"),
        ("dev prod", "", "", "unknown"),
        ("prod dev", "", "docker build --target prod .\n", "bad"),
        ("dev prod", ', "target": "dev"', "docker build --target prod .\n", "bad"),
        ("dev prod", "", "docker build --target prod .\n", "ok"),
        ("dev prod", ', "target": "0"', "docker build --target prod .\n", "bad"),
        ("dev prod", ', "target": "${localEnv:T}"', "docker build --target prod .\n", "bad"),
        ("dev prod", ', "options": ["--target=${T}"]', "docker build --target prod .\n", "bad"),
        ("dev prod", ', "options": ["--target", "dev"]', "docker build --target prod .\n", "bad"),
        ("dev prod", ', "target": "prod"', "docker build --target prod .\n", "ok"),
        ("dev prod", ', "target": "${localEnv:T}"', "", "bad"),
    ],
)
def test_an_editor_s_container_is_built_of_its_stage(
    tmp_path: Path, stages_: str, target: str, build: str, status: str
) -> None:
    of = {"dev": f"{SLIM} AS dev\n{OLD}", "prod": f"{SLIM} AS prod\n{NEW}"}
    files = {
        "Dockerfile": "".join(of[name] for name in stages_.split()),
        ".devcontainer.json": EDITOR.format(target),
        "build.sh": build,
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)


@pytest.mark.parametrize(
    ("file", "text", "status"),
    [
        ("a.yml", "with:\n  target: ${{ matrix.stage }}\n", "bad"),
        (".gitlab-ci.yml", "b:\n  script:\n    - docker build --target $STAGE .\n", "bad"),
        ("t.py", "def b(c, stage):\n    c.run(f'docker build --target {stage} .')\n", "bad"),
        ("t.py", "run(['docker', 'build', '--target', stage, '.'])\n", "bad"),
        ("t.py", "images.build(path='.', target='dev')\n", "bad"),
        ("t.py", "Thread(target=dev).start()\nbuild(path='.')\n", "unknown"),
        ("a.yml", "with:\n  target: prod\n", "unknown"),
    ],
)
def test_a_stage_that_any_file_may_ask_for(
    tmp_path: Path, file: str, text: str, status: str
) -> None:
    files = {"Dockerfile": f"{SLIM} AS dev\n{OLD}{SLIM} AS prod\n{NEW}", file: text}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)


def test_what_stands_aside_alone_is_said(tmp_path: Path) -> None:
    text = f"{SLIM} AS a\n{NEW}{SLIM}\nCOPY . .\n"
    answers = judged(tmp_path, {"Dockerfile": text}, device="orin")
    assert "Dockerfile:2: mediapipe==1.2.2; its stage leads" in lines(answers["old-requirement"])
    assert "Dockerfile:1: python:3.11-slim; its stage" in lines(answers["project-python"])


def test_an_image_for_another_l4t_that_stands_aside(tmp_path: Path) -> None:
    text = f"FROM nvcr.io/nvidia/l4t-base:r32.7.1 AS nano\n{NEW}{JETSON}\n{NEW}"
    answer = judged(tmp_path, {"Dockerfile": text}, device="orin")["image-for-another-l4t"]
    assert answer.result.status == "unknown"
    assert "l4t-base:r32.7.1 is for L4T 32.7.1; its stage leads nowhere" in lines(answer)


def test_what_stands_aside_for_other_machines(tmp_path: Path) -> None:
    files = {
        "Dockerfile.x86": f"FROM python:3.8 AS dev\n{OLD}{SLIM}\n{NEW}",
        "Dockerfile": f"{SLIM}\n{NEW}",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "ok", lines(answer)


def test_pip_in_the_kit_s_image_counts_where_its_stage_is_built(tmp_path: Path) -> None:
    kit = "FROM mediapipe-jetson:r36.4.4"
    for text, status in (
        (f"{kit} AS dev\nRUN pip install x\n{kit}\nCOPY . .\n", "unknown"),
        (f"{kit} AS dev\nRUN pip install x\n{kit}\nCOPY --from=dev /x /x\n", "bad"),
    ):
        answer = judged(tmp_path, {"Dockerfile": text}, device="orin")["kit-image-pip"]
        assert answer.result.status == status, lines(answer)


@pytest.mark.parametrize("text", ["", "# see Dockerfile.l4t\n", "{{ from }}\nRUN pip install x\n"])
def test_a_dockerfile_without_a_stage_is_read(tmp_path: Path, text: str) -> None:
    files = {"Dockerfile": text, "compose.yaml": COMPOSE.format("")}
    answer = judged(tmp_path, {**files, "requirements.txt": "mediapipe==0.10.9\n"}, device="orin")
    assert answer["old-requirement"].result.status == "bad", lines(answer["old-requirement"])
