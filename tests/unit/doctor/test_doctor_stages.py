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
    ({"compose.yaml": COMPOSE.format(", target: '${STAGE:-prod}'")}, "ok"),
    ({"build.sh": "docker build --target prod -t x .\n"}, "ok"),
    ({"README.md": "```\ndocker build --target=prod .\n```\n"}, "ok"),
    ({"compose.yaml": COMPOSE.format("")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: dev")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: other")}, "bad"),
    ({"compose.yaml": COMPOSE.format(", target: $STAGE")}, "bad"),
    ({"build.sh": "docker build --target prod -t x .\ndocker build -t y .\n"}, "bad"),
    ({"build.sh": 'docker build --target "$1" -t x .\n'}, "bad"),
    ({}, "bad"),
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
    rows = stages.built(text, {"last"}).splitlines()
    kept = [number for number, row in enumerate(rows, 1) if row]
    assert len(rows) == len(text.splitlines())
    assert kept == [1, 4, 5, 6, 7, 8, 9, 10]
    assert stages.built(text, {"0"}).split() == ["ARG", "X=1", "FROM", "a", "AS", "one", "RUN", "1"]
    assert stages.built(text, {stages.ALL, "last"}) == text
    assert stages.built(text, set()) == text
    assert stages.built(text, {"unknown"}) == text
