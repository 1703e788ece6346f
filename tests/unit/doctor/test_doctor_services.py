"""How services and scripts ask for a GPU: compose files and commands, each by its structure."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import docker_run, installers, shell_lists
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import answer, in_time, judged, plant, scene

GPU = "deploy: {resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu]}]}}}"


def services(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    """Return how each service asks for a GPU."""
    scan = Scan(plant(tmp_path, files))
    assert not scan.unread, scan.unread
    return {item.name: item.asks for item in scan.services}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"compose.yml": f"x: &x\n  {GPU}\nservices: {{a: *x, b: {{runtime: nvidia}}}}\n"},
            {"a": "reserved", "b": "runtime"},
        ),
        (
            {
                "compose.yml": "x-n: &n {runtime: nvidia}\n"
                f"services:\n  a:\n    <<: *n\n    {GPU}\n  b:\n    {GPU}\n"
            },
            {"a": "runtime", "b": "reserved"},
        ),
        (
            {
                "compose.yml": "x-n: &n {runtime: nvidia}\nx-m: &m {image: i}\n"
                "services:\n  a:\n    <<: [*m, *n]\n  b:\n    <<: *n\n    runtime: runc\n"
            },
            {"a": "runtime", "b": ""},
        ),
        (
            {
                "compose.yml": "services:\n  base: {runtime: nvidia}\n"
                f"  a:\n    extends: base\n    {GPU}\n  b:\n    extends: {{service: a}}\n"
            },
            {"base": "runtime", "a": "runtime", "b": "runtime"},
        ),
        (
            {
                "compose.yml": "services:\n  a:\n    extends: {file: sub/base.yml, service: x}\n"
                f"    {GPU}\n",
                "sub/base.yml": "services:\n  x:\n    runtime: nvidia\n",
            },
            {"a": "runtime"},
        ),
        (
            {
                "docker-compose.yml": f"services:\n  a:\n    {GPU}\n  b:\n    {GPU}\n",
                "docker-compose.override.yml": "services:\n  a:\n    runtime: nvidia\n",
            },
            {"a": "runtime", "b": "reserved"},
        ),
        (
            {
                "compose.yaml": "include: [more/compose.yaml]\nservices: {a: {gpus: all}}\n",
                "more/compose.yaml": "services: {b: {runtime: nvidia}}\n",
            },
            {"a": "reserved", "b": "runtime"},
        ),
        ({"compose.yml": "services: {a: {gpus: all}}\n"}, {"a": "reserved"}),
        ({"compose.yml": "services: {a: {devices: ['nvidia.com/gpu=all']}}\n"}, {"a": "cdi"}),
        (
            {
                "compose.yml": "services:\n  a:\n    runtime: nvidia\n    environment:\n"
                "      - NVIDIA_VISIBLE_DEVICES=none\n"
            },
            {"a": "hidden"},
        ),
        (
            {
                "compose.yml": "services:\n  a:\n    runtime: nvidia\n    environment:\n"
                "      NVIDIA_VISIBLE_DEVICES: all\n"
            },
            {"a": "runtime"},
        ),
        (
            {"compose.yml": "services:\n  a:\n    image: i\n    labels: {x: 'runtime: nvidia'}\n"},
            {"a": ""},
        ),
        ({"compose.yml": f"services:\n  # runtime: nvidia\n  a:\n    {GPU}\n"}, {"a": "reserved"}),
        ({"stack.yml": "services: {a: {gpus: all}}\n"}, {"a": "reserved"}),
        (
            {
                "compose.yml": GPU.replace("driver: nvidia", "driver: cdi").join(
                    ["services: {a: {", "}}"]
                )
            },
            {"a": ""},
        ),
        (
            {"compose.yml": GPU.replace("driver: nvidia, ", "").join(["services: {a: {", "}}"])},
            {"a": "reserved"},
        ),
    ],
)
def test_services(tmp_path: Path, files: dict[str, str], expected: dict[str, str]) -> None:
    assert services(tmp_path, files) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services:\n  a: {extends: b}\n", "no service b"),
        ("services:\n  a: {extends: {file: gone.yml, service: b}}\n", "gone.yml"),
        ("services:\n  a: {extends: a}\n", "too deep"),
        ("services: [\n", "line 2"),
        ("services:\n  a: {extends: {file: ../../x.yml, service: b}}\n", "outside the project"),
        ("include: [compose.yml]\nservices: {}\n", "too deep"),
    ],
)
def test_what_can_not_be_judged_is_not_read(tmp_path: Path, text: str, expected: str) -> None:
    scan = Scan(plant(tmp_path, {"app/compose.yml": text}) / "app")
    assert [item.file for item in scan.unread] == ["compose.yml"]
    assert expected in scan.unread[0].why


@pytest.mark.parametrize(
    ("text", "given", "status", "expected"),
    [
        (f"services:\n  a:\n    {GPU}\n", {}, "bad", "compose.yml:3"),
        (f"services:\n  a:\n    profiles: [x]\n    {GPU}\n", {}, "bad", "service a (profile x)"),
        ("services: {a: {runtime: nvidia}}\n", {}, "ok", "0 containers"),
        (
            "services: {a: {runtime: nvidia}, b: {image: mine}, c: {image: redis}}\n",
            {},
            "unknown",
            "b: it asks for no GPU",
        ),
        ("services: {a: {runtime: '${RUNTIME}'}}\n", {}, "unknown", "runtime is ${RUNTIME}"),
        ("services: {a: {devices: ['nvidia.com/gpu=all']}}\n", {}, "unknown", "cdi mode"),
        (
            f"services:\n  a:\n    {GPU}\n",
            {"etc/docker/daemon.json": '{"default-runtime": "nvidia"}'},
            "ok",
            "0 containers",
        ),
        ("services: [\n", {}, "unknown", "not read: compose.yml"),
    ],
)
def test_what_the_doctor_says(
    tmp_path: Path, text: str, given: dict[str, str], status: str, expected: str
) -> None:
    here = scene(
        tmp_path,
        "orin",
        {"app/compose.yml": text, **given},
        outputs={"docker-containers": ""},
        code=tmp_path / "app",
    )
    result = answer(here, "gpus-flag")
    reported = [*result.result.evidence, *(item.text() for item in result.result.findings)]
    assert result.result.status == status, reported
    assert expected in "\n".join(reported)


def test_away_from_a_jetson_it_is_told_all_the_same(tmp_path: Path) -> None:
    here = scene(
        tmp_path, files={"app/compose.yml": f"services:\n  a:\n    {GPU}\n"}, code=tmp_path / "app"
    )
    result = answer(here, "gpus-flag").result
    assert result.status == "unknown"
    assert result.evidence[1].startswith("on a Jetson wrong: compose.yml:3: service a")


@pytest.mark.parametrize(
    ("command", "alone"),
    [
        ("docker run --gpus all image", True),
        ("docker run --gpus=all image", True),
        ("sudo docker container run -it --rm --gpus all image", True),
        ("docker create --gpus '\"device=0\"' image", True),
        ("docker run --runtime nvidia --gpus all image", False),
        ("docker run --runtime=nvidia --gpus all image", False),
        ("docker run --gpus all --runtime runc image", True),
        ("docker run image --gpus all", False),
        ("docker run -e X=--gpus image --gpus", False),
        ("docker run --name --gpus image", False),
        ("docker run --label 'x --runtime nvidia' --gpus all image", True),
        ("docker run image --runtime nvidia --gpus all", False),
        ("docker build --gpus all .", False),
        ("docker compose run --gpus all x", False),
        ("echo docker run; ls --gpus all", False),
        ("cd x && exec /usr/bin/docker run -d --gpus all image", True),
        ("podman run --gpus all image", True),
    ],
)
def test_started_containers(command: str, alone: bool) -> None:
    assert any(map(docker_run.gpus_alone, installers.split(command))) is alone


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("run.sh", "#!/bin/sh\ndocker run \\\n  --rm \\\n  --gpus all \\\n  image\n", 2),
        ("app.service", "[Service]\nExecStart=/usr/bin/docker run --gpus all image\n", 2),
        ("Makefile", "run:\n\tdocker run --gpus all image\n", 2),
        ("start", "#!/usr/bin/env bash\ndocker run --gpus all image\n", 2),
        ("run.sh", "# docker run --gpus all image\n", 0),
        ("run.sh", "echo 'docker run --gpus all image'\n", 0),
    ],
)
def test_scripts(tmp_path: Path, name: str, text: str, line: int) -> None:
    findings = Scan(plant(tmp_path, {name: text})).commands
    assert [item.line for item in findings] == ([line] if line else [])


@pytest.mark.parametrize(
    ("base", "status"),
    [("nvcr.io/nvidia/l4t-base:r32.7.1", "bad"), ("python:3.11-slim", "unknown")],
)
def test_a_project_for_a_jetson_is_judged_as_one(tmp_path: Path, base: str, status: str) -> None:
    files = {
        "Dockerfile": f"FROM {base}\nRUN pip3 install numpy\n",
        "compose.yaml": "services: {a: {build: ., gpus: all}}\n",
    }
    here = scene(
        plant(tmp_path / "root", {"etc/hostname": "pc"}), code=plant(tmp_path / "p", files)
    )
    assert answer(here, "gpus-flag").result.status == status


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("services:\n  a:\n    gpus: all\n", "write runtime: nvidia in the service"),
        (
            "services:\n  a:\n    runtime: nvidia\n"
            "    environment: [NVIDIA_VISIBLE_DEVICES=none]\n",
            "write NVIDIA_VISIBLE_DEVICES=all in the service",
        ),
    ],
)
def test_a_service_has_a_cure_for_services(text: str, cure: str, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"compose.yml": text}, device="orin")["gpus-flag"]
    assert answer.bad
    assert cure in answer.cure


def test_a_service_that_another_file_includes_is_told_once(tmp_path: Path) -> None:
    files = {
        "compose.yml": "include: [v.yml]\nservices: {}\n",
        "v.yml": "services:\n  a:\n    gpus: all\n",
    }
    result = judged(tmp_path, files, device="orin")["gpus-flag"].result
    assert [item.place() for item in result.findings] == ["v.yml:3"]


ARRAYS = {
    "an array": ("ARGS=(--rm -it --gpus all)\ndocker run {}\n", 1),
    "an array over lines": ("ARGS=(\n  --rm # x\n  --gpus all\n)\ndocker run {} v\n", 1),
    "an array that grows": ("ARGS=(--rm)\nARGS+=(--gpus all)\ndocker run {} v\n", 1),
    "an array of a function": ("f() {{\n  local ARGS=(--gpus all)\n  docker run {} v\n}}\n", 1),
    "an array with the runtime": ("ARGS=(--gpus all --runtime nvidia)\ndocker run {} v\n", 0),
    "an array that may grow": ("ARGS=(-i)\nif x; then\n ARGS+=(--gpus all)\nfi\ndocker run {}", 0),
    "an array that may be empty": ("if x; then\n ARGS=(--gpus all)\nfi\ndocker run {} v\n", 0),
    "an array that is set anew": ("ARGS=(--gpus all)\nARGS=(-i)\ndocker run {} v\n", 0),
    "an array that grows behind an and": (
        "ARGS=(--gpus all)\n[ -n x ] && ARGS+=(--runtime nvidia)\ndocker run {} v\n", 0),
    "an array whose item is set": ("ARGS=(--gpus all)\nARGS[0]=-i\ndocker run {} v\n", 0),
    "an array of others": ("ARGS=(-v /x:/x)\ndocker run --gpus all {} v\n", 1),
    "an array that is not there": ("docker run {} v\n", 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("name", ['"${ARGS[@]}"', "${ARGS[*]}"])
def test_options_in_an_array_are_seen(tmp_path: Path, kind: str, name: str) -> None:
    script, count = ARRAYS[kind]
    plant(tmp_path, {"run.sh": f"#!/bin/bash\n{script.format(name)}"})
    assert len(Scan(tmp_path).commands) == count


def test_arrays_are_filled_in_without_growing_past_a_file() -> None:
    many = f"A=(--gpus all {'x ' * 200_000})\n" + '"${A[@]}"\n' * 500
    assert shell_lists.filled(many) == many
    other = f"A=({'x ' * 2_000})\n" + '"${A[@]}"\n' * 500
    assert shell_lists.filled(other) == other
    rows = "A+=(--gpus all)\n" * 20_000 + '"${A[@]}"\n' * 20_000
    with in_time():
        assert shell_lists.filled(f"A=(-i)\n{rows}") == f"A=(-i)\n{rows}"
