"""Containers as strangers set them up: commands of compose files, bash -c, environments, images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mediapipe_jetson.doctor import projects

from tests.unit.doctor_scenes import judged, lines

OLD = "mediapipe==0.10.9"
MICROSOFT = "mcr.microsoft.com/devcontainers"


RUNS = "services:\n  app:\n    image: python:3.11\n    {}\n"


@pytest.mark.parametrize(
    "entry",
    [
        f'command: bash -c "pip install {OLD} && python app.py"',
        f"command: [sh, -c, 'pip install {OLD}; python app.py']",
        f"entrypoint: pip install {OLD}",
        f"command:\n      - /bin/bash\n      - -ec\n      - pip install {OLD}",
        f"command: |\n      bash -c 'pip install {OLD}'",
    ],
)
def test_what_a_service_installs_as_it_starts(tmp_path: Path, entry: str) -> None:
    answer = judged(tmp_path, {"compose.yml": RUNS.format(entry)}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "compose.yml:4" in lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        f'FROM python:3.11\nRUN bash -c "pip install {OLD}"\n',
        f'FROM python:3.11\nRUN ["/bin/sh", "-c", "pip install {OLD}"]\n',
        f"FROM python:3.11\nRUN sh -c 'bash -lc \"pip install {OLD}\"'\n",
        f"FROM python:3.11\nRUN env A=b bash -o pipefail -c 'set -e; pip install {OLD}'\n",
        f"FROM python:3.11\nRUN true && zsh -c 'cd a && pip install {OLD}' && true\n",
    ],
)
def test_what_a_shell_is_given(tmp_path: Path, text: str) -> None:
    answer = judged(tmp_path, {"Dockerfile": text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "Dockerfile:2" in lines(answer)


def test_a_file_that_others_extend_is_judged_there(tmp_path: Path) -> None:
    base = "services:\n  gpu:\n    image: me/gpu:1\n    runtime: nvidia\n    command: python a.py\n"
    extends = "    extends: {file: common.yml, service: gpu}\n"
    top = f"services:\n  a:\n    image: python:3.11\n{extends}"
    files = {"common.yml": base, "compose.yaml": top}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "ok", lines(answer)
    files["compose.yaml"] = f"services:\n  a:\n{extends}"
    answer = judged(tmp_path / "2", files, device="orin")["project-python"]
    assert "common.yml:3: the base image me/gpu:1 is not known" in lines(answer)


ENVIRONMENTS = {
    "python3.8 -m venv .venv": "python3.11 -m venv .venv",
    "/usr/bin/python3.8 -m venv --clear .venv": "/usr/bin/python3.11 -m venv --clear .venv",
    "virtualenv -p python3.7 env": "virtualenv -p python3.11 env",
    "uv venv --python 3.8.10 .venv": "uv venv --python 3.11 .venv",
    "pipenv install --python 3.7": "pipenv install --python 3.11",
    "poetry env use python3.8": "poetry env use python3.11",
    "pyenv local 3.8.10": "pyenv local 3.11",
    "sudo -H bash -c 'python3.6 -m venv x'": "python3.11 -m venv x",
    "virtualenv --python=/usr/bin/python3.8 v": "virtualenv --python=/usr/bin/python3.11 v",
    "uv venv -p3.8": "uv venv -p3.11",
    "uv -q venv --python cpython@3.8": "uv -q venv --python cpython@3.11",
    "python3 -m virtualenv v -p=python3.8": "python3 -m virtualenv v -p=python3.11",
    "if true; then sudo -u me python3.8 -I -m venv v; fi": "sudo -u me python3.11 -I -m venv v",
    "cd x && A=b env -u C exec pyenv local 3.7.1": "A=b env -u C exec pyenv local 3.11",
    "[ -d v ] || python3.8 -m venv v": "python3.11 -m venv v",
    "mkvirtualenv -p python3.8 v": "mkvirtualenv -p python3.11 v",
    "uv python pin --global 3.8": "uv python pin --global 3.11",
    "timeout 60 python3.8 -m venv v": "timeout 60 python3.11 -m venv v",
    "timeout -k 5 1m python3.8 -mvenv v": "timeout -k 5 1m python3.11 -mvenv v",
    "conda run -n a python3.8 -W ignore -m venv v": (
        "conda run -n a python3.11 -W ignore -m venv v"
    ),
    "python3.8 -Imvenv v": "python3.11 -Imvenv v",
    "flock /tmp/lock -c x; chrt -f 5 python3.7 -m venv v": "chrt -f 5 python3.11 -m venv v",
    "poetry run virtualenv -p 3.8 v": "poetry run virtualenv -p 3.11 v",
    "micromamba run --cwd /a python3.8 -X dev -m venv v": (
        "micromamba run --cwd /a python3.11 -X dev -m venv v"
    ),
}


@pytest.mark.parametrize("command", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["setup.sh", "Makefile", "book.ipynb"])
def test_the_python_of_an_environment(tmp_path: Path, name: str, command: str) -> None:
    text = {"setup.sh": f"{command}\n", "Makefile": f"a:\n\t{command}\n"}.get(name, "")
    cell = {"cell_type": "code", "source": f"!{command}"}
    files = {name: text or json.dumps({"cells": [cell]})}
    answer = judged(tmp_path, files)["project-python"]
    assert answer.result.status == "bad", lines(answer)
    assert f"write {ENVIRONMENTS[command]}" in lines(answer)
    assert "book.ipynb: cell 1, line 1" in lines(answer) or name != "book.ipynb"


NO_ENVIRONMENTS = [
    "echo 'run pyenv local 3.8 first'",
    "echo run pyenv local 3.8 first",
    "printf '%s' python3.8 -m venv v",
    "grep pyenv local 3.8 README",
    "sudo echo conda create -n x python=3.8",
    "test -d v || echo python3.8 -m venv v",
    "virtualenv -p python3.8 /tmp/lint-env",
    "python3.8 -m venv /var/tmp/v",
    'virtualenv -p 3.8 "$TMPDIR/v"',
    "python3 -m http.server -p 3.8",
    "uv pip list -p 3.8",
    "[ -x /usr/bin/python3.8 -a -d venv ]",
    "apt-get install python3.8 -m venv",
    "poetry env list use 3.8",
    "virtualenv v --prompt 3.8",
    "python3.8 -c m -m venv v",
    "python3.8 setup.py -m venv v",
    "timeout 5 echo python3.8 -m venv v",
    "python3.8 -W venv",
]


@pytest.mark.parametrize("command", NO_ENVIRONMENTS)
@pytest.mark.parametrize("name", ["setup.sh", "tests/old.sh"])
def test_what_makes_no_environment(tmp_path: Path, name: str, command: str) -> None:
    answer = judged(tmp_path, {name: f"{command}\n"})["project-python"]
    assert answer.result.status != "bad", lines(answer)


def test_a_line_that_only_says_installs_nothing(tmp_path: Path) -> None:
    answer = judged(tmp_path, {"a.sh": f"echo run pip install {OLD}\n"}, device="orin")
    assert answer["old-requirement"].result.status != "bad", lines(answer["old-requirement"])


SERVICES = "services:\n  a:\n    image: {}\n    {}\n"


@pytest.mark.parametrize(
    ("image", "entry"),
    [
        ("python:3.8-slim", "command: python -m http.server"),
        ("python:3.8-slim", "command: [python3, -m, http.server, '8000']"),
        ("python:3.8-slim", "command: sh -c 'cd /docs && python -m http.server'"),
        ("python:3.8-slim", "command: sleep infinity"),
        ("python:3.8-slim", "ports: ['80:80']"),
        ("ubuntu:18.04", "command: tail -f /var/log/python.log"),
        ("ubuntu:18.04", "command: bash -c 'echo pip install x'"),
        ("nginx:alpine", "command: nginx -c /etc/python.conf"),
        ("nginx:alpine", "command: ./start.sh"),
        ("ubuntu:18.04", "command: sh -c 'apt-get install -y python3 nginx; nginx'"),
        ("ubuntu:18.04", "entrypoint: [sh, -c, 'tail -f /x/app.py']"),
        ("ubuntu:18.04", "command: sh -c '[ -f app.py ] && nginx'"),
        ("python:3.8", "command: python -c 'print(1)'"),
    ],
)
def test_services_whose_python_is_not_the_projects(tmp_path: Path, image: str, entry: str) -> None:
    files = {"compose.yml": SERVICES.format(image, entry), "start.sh": "exec nginx\n", "app.py": ""}
    files["Dockerfile"] = "FROM python:3.11\nRUN pip install mediapipe\n"
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize(
    "entry",
    [
        "command: python -m http.server\n    runtime: nvidia",
        "command: python -u app.py",
        "command: python -m pkg.main",
        "command: python -m uvicorn pkg.main:app",
        "command: uvicorn pkg.main:app",
        "command: streamlit run app.py",
        "command: bash -c 'cd /x; exec env A=b python3 app.py'",
        "entrypoint: [python]\n    command: [app.py]",
        "command: python -c 'from pkg.main import run; run()'",
        "command: sh -c 'pip install -r r.txt; x'",
        "command: /srv/install.sh",
        "volumes: ['.:/app']",
        "volumes: [{type: bind, source: ., target: /app}]",
    ],
)
def test_services_whose_python_is(tmp_path: Path, entry: str) -> None:
    files = {"compose.yml": SERVICES.format("python:3.8", entry), "app.py": "", "pkg/main.py": ""}
    files["install.sh"] = "pip install -r r.txt\n"
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert "compose.yml:3: python:3.8 brings" in lines(answer)


@pytest.mark.parametrize(
    "command", ["python3.11 -m venv x", "uv venv -p 3.12 x", "poetry env use 3.10"]
)
def test_an_environment_with_a_wheel(tmp_path: Path, command: str) -> None:
    assert judged(tmp_path, {"a.sh": command})["project-python"].result.status == "ok"


@pytest.mark.parametrize(
    ("image", "python"),
    [
        (f"{MICROSOFT}/python:3.11", "3.11"),
        ("mcr.microsoft.com/vscode/devcontainers/python:0-3.9", "3.9"),
        (f"{MICROSOFT}/python:dev-3.10-bullseye", "3.10"),
        (f"{MICROSOFT}/base:jammy", "3.10"),
        (f"{MICROSOFT}/base:ubuntu-20.04", "3.8"),
        (f"{MICROSOFT}/base:1-bookworm", "3.11"),
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "3.12"),
        ("ghcr.io/astral-sh/uv:0.5.1-python3.9-bookworm", "3.9"),
        ("tiangolo/uvicorn-gunicorn-fastapi:python3.11-slim", "3.11"),
        ("bitnami/python:3.12.1", "3.12"),
        ("public.ecr.aws/docker/library/python:3.13-slim", "3.13"),
        ("docker.io/library/python:3.8", "3.8"),
        ("mirror.gcr.io/library/debian:12", "3.11"),
    ],
)
def test_images_that_are_known(image: str, python: str) -> None:
    known = projects.image(image)
    assert known is not None
    assert known.python == python


@pytest.mark.parametrize(
    "image", [f"{MICROSOFT}/python:3-bookworm", "ghcr.io/astral-sh/uv:latest", "me/python:3.11"]
)
def test_images_whose_tag_does_not_tell(image: str) -> None:
    assert projects.image(image) is None


RESERVING = "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1}]}}}"


@pytest.mark.parametrize(("runtime", "status"), [("    runtime: nvidia\n", "ok"), ("", "bad")])
def test_a_template_is_judged_in_the_services_that_extend_it(
    tmp_path: Path, runtime: str, status: str
) -> None:
    files = {
        "compose.yaml": "services:\n  app:\n    extends: {file: base.yml, service: gpu}\n"
        f"{runtime}",
        "base.yml": f"services:\n  gpu:\n    image: me/x:1\n    {RESERVING}\n",
    }
    answer = judged(tmp_path, files, device="orin", outputs={"docker-containers": ""})["gpus-flag"]
    assert answer.result.status == status, lines(answer)
    assert "service gpu" not in lines(answer)


def test_another_service_of_a_templates_file_counts(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services:\n  app:\n    extends: {file: base.yml, service: gpu}\n"
        "    runtime: nvidia\n",
        "base.yml": f"services:\n  gpu:\n    image: me/x:1\n  b:\n    image: y\n    {RESERVING}\n",
    }
    answer = judged(tmp_path, files, device="orin", outputs={"docker-containers": ""})["gpus-flag"]
    assert answer.result.status == "bad", lines(answer)
    assert "service b" in lines(answer)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("docker compose -f docker-compose.base.yml up\n", "bad"),
        ("docker compose up # extends docker-compose.base.yml.j2\n", "ok"),
    ],
)
def test_a_template_that_a_script_starts_counts(tmp_path: Path, text: str, status: str) -> None:
    extends = "extends: {file: docker-compose.base.yml, service: gpu}"
    files = {
        "docker-compose.yml": f"services:\n  app:\n    {extends}\n    runtime: nvidia\n",
        "docker-compose.base.yml": f"services:\n  gpu:\n    image: me/x:1\n    {RESERVING}\n",
        "run.sh": text,
    }
    answer = judged(tmp_path, files, device="orin", outputs={"docker-containers": ""})["gpus-flag"]
    assert answer.result.status == status, lines(answer)
    assert ("service gpu" in lines(answer)) is (status == "bad")
