"""What commands are given by options: lists, constraints and indexes that no one has read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import in_time, judged, lines

ELSEWHERE = "https://example.org/c.txt"
LIST = {"requirements.txt": "mediapipe\n"}
FOUND = "https://example.org/simple"
DOCKER = "FROM python:3.12\n{}\nRUN pip install mediapipe\n"
# Files, and what is named as not read.
OPEN = {
    "a list at an address": (
        {"a.sh": f"pip install mediapipe==1.2.2\npip install -r {ELSEWHERE}\n"}, ELSEWHERE),
    "a list that is not here": (
        {"a.sh": "pip install mediapipe==1.2.2\npip install -rreqs/jp6.txt\n"}, "a.sh:2"),
    "a list that a command makes": (
        {"a.sh": "pip install mediapipe==1.2.2\npip install -r <(grep x y)\n"}, "a.sh:2"),
    "a list's list at an address": (
        {"requirements.txt": f"-r {ELSEWHERE}\nmediapipe\n"}, ELSEWHERE),
    "a list's constraints at an address": (
        {"requirements.txt": f"-c {ELSEWHERE}\nmediapipe\n"}, ELSEWHERE),
    "a list of another stage": (
        {"Dockerfile": "FROM python:3.12\nCOPY --from=a /b.txt /c.txt\nRUN pip install -r /c.txt\n",
         **LIST}, "/c.txt"),
    "a list that is fetched": (
        {"Dockerfile": f"FROM python:3.12\nADD {ELSEWHERE} /b.txt\nRUN pip install -r /b.txt\n",
         **LIST}, "/b.txt"),
    "constraints at an address": ({"a.sh": f"pip install -c {ELSEWHERE} mediapipe\n"}, ELSEWHERE),
    "constraints that are not here": (
        {"a.sh": "pip install --constraint=/tmp/c.txt mediapipe\n"}, "/tmp/c.txt"),
    "constraints, in a build": (
        {"Dockerfile": "FROM python:3.12\nRUN pip install -c c.txt mediapipe\n"}, "Dockerfile:2"),
    "constraints of a notebook": (
        {"a.ipynb": '{"cells": [{"cell_type": "code", "source": ["!pip install -c c.txt mediapipe"]'
         "}]}"}, "cell 1, line 1"),
    "uv's overrides": ({"a.sh": "uv pip install --override o.txt mediapipe\n"}, "o.txt"),
    "PIP_CONSTRAINT": ({"Dockerfile": DOCKER.format("ENV PIP_CONSTRAINT=/etc/c.txt")}, ":2"),
    "PIP_CONSTRAINT, in the old form": (
        {"Dockerfile": DOCKER.format("ENV PIP_CONSTRAINT /etc/c.txt")}, "/etc/c.txt"),
    "PIP_CONSTRAINT, quoted": (
        {"Dockerfile": DOCKER.format(f'ENV PIP_CONSTRAINT="{ELSEWHERE}"')}, ELSEWHERE),
    "UV_OVERRIDE": ({"a.sh": "export UV_OVERRIDE=o.txt\nuv pip install mediapipe\n"}, "a.sh:1"),
    "PIP_CONSTRAINT of a service": (
        {"compose.yml": "services:\n  a:\n    image: python:3.12\n    environment:\n"
         "      PIP_CONSTRAINT: /c.txt\n", **LIST}, "compose.yml:5"),
    "pip.conf": ({"pip.conf": "[global]\nconstraint = /etc/c.txt\n", **LIST}, "pip.conf:2"),
    "an index for a list": (
        {"a.sh": f"pip3 install --extra-index-url {FOUND} -r requirements.txt\n", **LIST}, FOUND),
    "an index for a list that includes one": (
        {"a.sh": f"pip install -i {FOUND} -r all.txt\n", "requirements-all.txt": "-r a.txt\n",
         "requirements/all.txt": "-r ../requirements.txt\n", **LIST}, FOUND),
    "links for a list": ({"a.sh": "pip install -f wheels/ -r requirements.txt\n", **LIST}, "wheel"),
    "an index for the project": (
        {"a.sh": f"pip install -e '.[gpu]' --index-url={FOUND}\n",
         "setup.py": "from setuptools import setup\nsetup(install_requires=['mediapipe'])\n"},
        FOUND),
    "no index": (
        {"a.sh": "python3.8 -m pip install --no-index -f whl/ -r requirements.txt\n", **LIST},
        "whl/"),
    "an index for the project by its path": (
        {"Dockerfile": f"FROM python:3.12\nRUN pip install -i {FOUND} /app\n",
         "setup.cfg": "[options]\ninstall_requires =\n    mediapipe\n"}, FOUND),
    "an index that a program gives": (
        {"a.py": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install',"
         f" '-i', '{FOUND}', '-r', 'requirements.txt'])\n", **LIST}, FOUND),
    "constraints of a session": (
        {"noxfile.py": "def t(session):\n    session.install('-c', 'x.txt', 'mediapipe')\n"},
        "noxfile.py:2"),
    "constraints that a program sets": (
        {"a.py": f"import os\nos.environ['PIP_CONSTRAINT'] = '{ELSEWHERE}'\n"
         "os.system('pip install mediapipe')\n"}, "a.py:2"),
    "overrides that a program sets": (
        {"a.py": "import os\nos.environ.update({'UV_OVERRIDE': 'o.txt'})\n"
         "os.system('uv pip install mediapipe')\n"}, "a.py:2"),
    "constraints of tox": (
        {"tox.ini": f"[testenv]\ndeps =\n    -c{ELSEWHERE}\n    mediapipe\n"}, ELSEWHERE),
    "tox's variable": (
        {"tox.ini": f"[testenv]\ndeps =\n    -c{{env:C:{ELSEWHERE}}}\n    mediapipe\n"},
        ELSEWHERE),
    "tox's environment": (
        {"tox.ini": "[testenv]\nsetenv =\n    PIP_CONSTRAINT = c.txt\ndeps =\n    mediapipe\n"},
        "tox.ini:3"),
    "conda's list at an address": (
        {"environment.yml": f"dependencies:\n  - pip:\n    - -r {ELSEWHERE}\n    - mediapipe\n"},
        ELSEWHERE),
    "conda's constraints": (
        {"environment.yml": f"dependencies:\n- pip:\n  - '-c {ELSEWHERE}'\n  - mediapipe\n"},
        ELSEWHERE),
    "conda's index for pip": (
        {"environment.yml": "dependencies:\n  - pip:\n    - --extra-index-url "
         f"{FOUND}\n    - mediapipe\n"}, FOUND),
    "uv.toml": (
        {"uv.toml": "constraint-dependencies = ['mediapipe<0.10.15']\n", **LIST}, "uv.toml"),
    "constraints of an editor's container": (
        {".devcontainer.json": '{"image": "python:3.12", '
         '"containerEnv": {"PIP_CONSTRAINT": "/c.txt"},'
         ' "postCreateCommand": "pip install -r requirements.txt"}', **LIST}, "/c.txt"),
    "constraints of a pod": (
        {"k.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: v}\nspec:\n  containers:\n"
         "  - name: v\n    image: python:3.12\n    env:\n    - name: PIP_CONSTRAINT\n"
         "      value: /c.txt\n", **LIST}, "k.yaml:10"),
    "constraints that nothing asks within": ({"constraints.txt": "mediapipe==1.2.2\n"}, "no file"),
    "no index, in an old image": (
        {"Dockerfile": "FROM python:3.8\nRUN pip install --no-index -f whl/ -r requirements.txt\n",
         **LIST}, "whl/"),
}  # fmt: skip
KNOWN: dict[str, dict[str, str]] = {
    "constraints without MediaPipe": {
        "a.sh": "pip install -c limits.txt mediapipe\n", "limits.txt": "numpy<2\n"},
    "constraints beside a script": {
        "sh/a.sh": "pip install -c sh/limits.txt mediapipe\n", "sh/limits.txt": "numpy<2\n"},
    "constraints that a build copies": {
        "Dockerfile": "FROM python:3.12\nCOPY limits.txt /c/\n"
        "RUN pip install -c /c/limits.txt mediapipe\n", "limits.txt": "numpy<2\n"},
    "constraints that pin a good one": {
        "a.sh": "pip install -c c.txt mediapipe\n", "c.txt": "mediapipe==1.2.2\n"},
    "no constraints": {"Dockerfile": DOCKER.format('ENV PIP_CONSTRAINT=""')},
    "none for one command": {"a.sh": "PIP_CONSTRAINT= pip install mediapipe\n"},
    "lists by a variable": {"a.sh": "for f in *.txt; do pip install -r $f; done\n", **LIST},
    "PyPI by name": {
        "a.sh": "pip install -i https://pypi.org/simple -r requirements.txt\n", **LIST},
    "an index for another list": {
        "a.sh": f"pip install -i {FOUND} -r torch.txt\npip install -r requirements.txt\n",
        "torch.txt": "torch\n", **LIST},
    "conda's channel": {"a.sh": "conda install -c nvidia cuda\npip install mediapipe\n"},
    "tox's own list": {
        "tox.ini": "[testenv]\ndeps =\n    -r{toxinidir}/requirements.txt\n"
        "    -r reqs/{envname}.txt\n", **LIST},
    "conda's list": {
        "environment.yml": "dependencies:\n  - pip:\n    - -r requirements.txt\n", **LIST},
    "a wheel by its path": {
        "a.sh": f"pip install -i {FOUND} ./w/torch-2.0-cp310-none-any.whl\n",
        "setup.py": "from setuptools import setup\nsetup(install_requires=['mediapipe'])\n"},
    "a list with constraints' name": {
        "a.sh": "pip install -r constraints.txt\n", "constraints.txt": "mediapipe==1.2.2\n"},
    "Poetry's version": {"a.sh": "poetry add mediapipe@^1.0.1\n"},
    "lists by a pattern": {"a.sh": "pip install -r requirements/*.txt\n", **LIST},
    "a list by another name": {
        "Dockerfile": "FROM python:3.12\nCOPY requirements.txt /tmp/r.txt\n"
        "RUN pip install -r /tmp/r.txt\n", **LIST},
    "a list that is mounted": {
        "Dockerfile": "FROM python:3.12\nRUN --mount=type=bind,source=requirements.txt,"
        "target=/r.txt \\\n  pip install -r /r.txt\n", **LIST},
    "what Poetry exports": {
        "Dockerfile": "FROM python:3.12 AS a\nRUN poetry export \\\n  --output requirements.txt\n"
        "FROM python:3.12\nCOPY --from=a requirements.txt .\nRUN pip install -r requirements.txt\n",
        "pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.10'\nmediapipe = '^1.2'\n"},
    "what uv exports": {
        "a.sh": "uv export --frozen > /tmp/r.txt\npip install -r /tmp/r.txt\n",
        "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['mediapipe>=1.2']\n"},
    "another tool's option": {"a.sh": "install -c x y\npip install mediapipe\n"},
    "another machine's": {
        "Dockerfile.amd64": "FROM python:3.12\nRUN pip install -c x.txt -r q.txt\n", **LIST},
}  # fmt: skip


@pytest.mark.parametrize("kind", OPEN)
def test_what_options_name_and_nobody_read_leaves_it_open(tmp_path: Path, kind: str) -> None:
    files, named = OPEN[kind]
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert named in lines(answer)


@pytest.mark.parametrize("kind", KNOWN)
def test_options_that_change_nothing_leave_it_right(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, KNOWN[kind], device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


def test_what_constraints_pin_is_seen_beside_others_that_are_not_here(tmp_path: Path) -> None:
    files = {"a.sh": "pip install -c c.txt -c d.txt mediapipe\n", "c.txt": "mediapipe==0.10.9\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad"
    assert "c.txt:1" in lines(answer)
    assert "d.txt" in lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        "pip install -r /c.txt mediapipe\n" + "\n" * 100_000,
        "pip install -r /c.txt mediapipe\n" + " COPY" * 50_000,
        "pip install -r /c.txt mediapipe\n" + "poetry export c.txt " * 9_000,
        "pip install -c /c.txt mediapipe\n" + "PIP_CONSTRAINT " * 20_000,
        "pip install mediapipe\n" + "A=( " * 9_000 + "${A[@]} " * 9_000,
    ],
)
def test_options_are_read_in_time(tmp_path: Path, text: str) -> None:
    with in_time():
        judged(tmp_path, {"Dockerfile": f"FROM python:3.12\n{text}", "a.sh": text}, device="orin")


OLDER = {
    "poetry add": ("a.sh", "poetry add mediapipe@0.10.14\n"),
    "uvx": ("a.sh", "uvx --with mediapipe@0.10.14 tool\n"),
    "pixi's overrides": (
        "pixi.toml", "[pypi-dependencies]\nmediapipe = '*'\n"
        "[pypi-options.dependency-overrides]\nmediapipe = '==0.10.14'\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OLDER)
def test_an_old_version_is_seen_in_further_forms(tmp_path: Path, kind: str) -> None:
    name, text = OLDER[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
