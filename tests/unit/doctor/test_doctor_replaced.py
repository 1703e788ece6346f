"""What a script installs and replaces further down: the last one is what stays installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import in_time, judged, lines

BASE = "FROM python:3.11\n"
OLD, NEW = "mediapipe==0.10.9", "mediapipe==1.2.2"
REPLACED = {
    "uninstalled": ("i.sh", f"pip install {OLD}\npip uninstall -y mediapipe\npip install {NEW}\n"),
    "in one line": (
        "i.sh", f"pip3 install {OLD}\npip3 uninstall -y mediapipe && pip3 install {NEW}\n"),
    "piped": ("i.sh", f"pip install {OLD}\nyes | pip uninstall mediapipe\npip install {NEW}\n"),
    "a version that a board has not": (
        "i.sh", f"pip install mediapipe==0.8.9\npip install {NEW}\n"),
    "by another name of pip": ("i.sh", f"pip3 install {OLD}\npython3 -m pip install '{NEW}'\n"),
    "upgraded": ("i.sh", f"pip install {OLD}\npip install -U 'mediapipe>=1.1'\n"),
    "in a function": (
        "i.sh", f"set -e\ndeps() {{\n  pip install {OLD}\n  pip install {NEW}\n}}\ndeps\n"),
    "in an arm": (
        "i.sh", f"if [ \"$1\" = a ]; then\n  pip install {OLD}\n  pip install {NEW}\nfi\n"),
    "an arm before": (
        "i.sh", f"if [ \"$1\" = a ]; then\n  pip install {OLD}\nfi\npip install {NEW}\n"),
    "a later layer": (
        "Dockerfile",
        f"{BASE}RUN pip install {OLD}\nCOPY . .\nRUN pip uninstall -y mediapipe\n"
        f"RUN pip install {NEW}\n"),
    "a board's arm": (
        "Dockerfile",
        f'{BASE}RUN pip install {OLD}\nRUN if [ "$(uname -m)" = aarch64 ]; then '
        f"pip install {NEW}; fi\n"),
    "given to a shell": (
        "i.sh", f'bash -ec "pip install {OLD} && pip uninstall -y mediapipe; pip install {NEW}"\n'),
    "given to a shell, then": ("i.sh", f"sh -c 'pip install {OLD}'\npip install -U {NEW}\n"),
    "a heredoc's own script": (
        "Dockerfile", f"{BASE}RUN pip install {OLD}\nRUN <<E\npip install {NEW}\nE\n"),
    "in a folder": ("i.sh", f"(cd x && pip install {OLD})\npip install {NEW}\n"),
    "beside a function": (
        "i.sh", f"pip install {OLD}\nf() {{\n  echo a\n}}\npip install {NEW}\n"),
    "a shell of its own, both": ("i.sh", f"(pip install {OLD}; pip install {NEW})\n"),
    "a target": (
        "Makefile", f"setup:\n\tpip install {OLD}\n\tpip uninstall -y mediapipe\n"
        f"\tpip install {NEW}\n"),
    "a failure that make goes on after": (
        "Makefile", f"setup:\n\t-pip install mediapipe==0.8.5\n\tpip install {NEW}\n"),
    "behind a semicolon of make": (
        "Makefile", f"setup:\n\tpip install mediapipe==0.8.5; pip install {NEW}\n"),
    "a variable between": (
        "Makefile", f"setup:\n\tpip install {OLD}\nX := 1\n\tpip install {NEW}\n"),
    "behind a semicolon": (
        "Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.5; pip install {NEW}\n"),
    "a condition": (
        "i.sh", "set -e\nif pip install mediapipe==0.8.5; then\n  echo x\nfi\n"
        f"pip install {NEW}\n"),
    "in one folder": (
        "Dockerfile", f"{BASE}WORKDIR /a\nRUN uv pip install {OLD}\nRUN uv pip install {NEW}\n"),
    "a heredoc that goes on after a failure": (
        "Dockerfile", f"{BASE}RUN <<E\npip install mediapipe==0.8.5\npip install {NEW}\nE\n"),
    "a heredoc beside a build that stops": (
        "Dockerfile", f"{BASE}RUN set -e; true\nRUN <<E\npip install mediapipe==0.8.5\n"
        f"pip install {NEW}\nE\n"),
    "behind a comment in a command": (
        "Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.5; \\\n# then\n  pip install {NEW}\n"),
    "a version that the next one refuses": (
        "i.sh", f"pip install {OLD}\npip install 'mediapipe>=1.1'\n"),
    "an && of a heredoc": (
        "Dockerfile", f"{BASE}RUN <<E\npip install mediapipe==0.8.5 && echo done\n"
        f"pip install {NEW}\nE\n"),
    "an && of a script that stops": (
        "i.sh", f"set -e\npip install mediapipe==0.8.5 && echo done\npip install {NEW}\n"),
    "an && before a semicolon": (
        "Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.5 && true; pip install {NEW}\n"),
    "a folder of a heredoc": (
        "Dockerfile", f"{BASE}RUN <<E\ncd /a\nv/bin/pip install {OLD}\nv/bin/pip install {NEW}\n"
        "E\n"),
    "in no folder": (
        "Dockerfile", f"{BASE}WORKDIR /a\nRUN pip install {OLD}\nWORKDIR /b\n"
        f"RUN pip install {NEW}\n"),
    "in the same folder outside": (
        "i.sh", f"cd a\n/v/bin/pip install {OLD}\ncd ../b\n/v/bin/pip install {NEW}\n"),
}  # fmt: skip
BOTH = {
    "the other way round": ("i.sh", f"pip install {NEW}\npip install {OLD}\n"),
    "not upgraded": ("i.sh", f"pip install {OLD}\npip install mediapipe\n"),
    "where make's condition holds": (
        "Makefile", f"all:\n\tpip install {OLD}\nifeq ($(GPU),1)\n\tpip install {NEW}\nendif\n"),
    "other arms": (
        "i.sh", f"if [ \"$1\" = a ]; then\n  pip install {OLD}\nelse\n  pip install {NEW}\nfi\n"),
    "in an arm alone": (
        "i.sh", f"pip install {OLD}\nif [ \"$1\" = a ]; then\n  pip install {NEW}\nfi\n"),
    "on a condition": ("i.sh", f'pip install {OLD}\n[ -n "$X" ] && pip install {NEW}\n'),
    "where something failed": ("i.sh", f"pip install {OLD}\n./test || pip install {NEW}\n"),
    "a function that is called later": (
        "i.sh", f"old() {{\n  pip install {OLD}\n}}\npip install {NEW}\nold\n"),
    "another environment": (
        "i.sh", f". a/bin/activate\npip install {OLD}\n. b/bin/activate\npip install {NEW}\n"),
    "another pip": ("i.sh", f"a/bin/pip install {OLD}\nb/bin/pip install {NEW}\n"),
    "another Python": (
        "i.sh", f"python3.10 -m pip install {OLD}\npython3.11 -m pip install {NEW}\n"),
    "another place": ("i.sh", f"pip install {OLD}\npip install -t lib {NEW}\n"),
    "after an end": (
        "i.sh", f"pip install {OLD}\nif [ -z \"$X\" ]; then\n  exit 0\nfi\npip install {NEW}\n"),
    "another stage": (
        "Dockerfile",
        f"{BASE}RUN pip install {OLD}\n{BASE}COPY --from=0 /v /v\nRUN pip install {NEW}\n"),
    "another target": ("Makefile", f"old:\n\tpip install {OLD}\nnew:\n\tpip install {NEW}\n"),
    "a shell of its own": (
        "i.sh", f"(. a/bin/activate; pip install {OLD})\npip install {NEW}\n"),
    "a shell of its own, then": (
        "i.sh", f"(. a/bin/activate && pip install {OLD}) && pip install {NEW}\n"),
    "given to a shell, and then": (
        "i.sh", f"bash -c '. a/bin/activate; pip install {OLD}' && pip install {NEW}\n"),
    "a file that is written": (
        "i.sh", f"pip install {OLD}\ncat > D <<E\nRUN pip install {NEW}\nE\n"),
    "a file that a build writes": (
        "Dockerfile",
        f"{BASE}RUN pip install {OLD}\nRUN cat <<E > /x.sh\npip install {NEW}\nE\n"),
    "a folder that has it": ("i.sh", f"pip install -t a {OLD}\npip install -t a {NEW}\n"),
    "given to a shell with an environment": (
        "i.sh", f"bash -c '. a/bin/activate; pip install {OLD}'\npip install {NEW}\n"),
    "given to a shell elsewhere": (
        "i.sh", f"pip install {OLD}\ndocker exec x bash -c 'pip install {NEW}'\n"),
    "given to a shell on a condition": (
        "i.sh", f"pip install {OLD}\n[ -n $X ] && bash -c 'pip install {NEW}'\n"),
    "another machine": (
        "i.sh", f"pip install {OLD}\nssh board pip install {NEW}\n"),
    "a target of several": (
        "Makefile", f"install:\n\tpip install {OLD}\n\nclean purge:\n"
        "\tpip uninstall -y mediapipe\n"),
    "a recipe with a parameter": (
        "justfile", f'jetson py="python3":\n  pip install {OLD}\n\npc py="python3":\n'
        "  pip install -U mediapipe\n"),
    "a recipe's failure": (
        "Makefile", f"install:\n\tpip install mediapipe==0.8.5\n\tpip install {NEW}\n"),
    "another folder of a build": (
        "Dockerfile", f"{BASE}RUN cd /a && .venv/bin/pip install {OLD}\n"
        f"RUN cd /b && .venv/bin/pip install {NEW}\n"),
    "another folder, then": (
        "Dockerfile", f"{BASE}RUN cd /a && .venv/bin/pip install {OLD}\n"
        f"RUN .venv/bin/pip install {NEW}\n"),
    "another folder of uv": (
        "Dockerfile", f"{BASE}WORKDIR /a\nRUN uv pip install {OLD}\nWORKDIR /b\n"
        f"RUN uv pip install {NEW}\n"),
    "another folder of a script": (
        "i.sh", f"cd /a\nv/bin/pip install {OLD}\ncd /b\nv/bin/pip install {NEW}\n"),
    "another folder of poetry": (
        "i.sh", f"cd /a\npoetry run pip install {OLD}\ncd /b\npoetry run pip install {NEW}\n"),
    "a folder of a place": (
        "i.sh", f"cd /a\npip install --prefix x {OLD}\ncd /b\npip install --prefix x {NEW}\n"),
    "for other machines": (
        "i.sh", f"pip install {OLD}\n"
        f"pip install -U '{NEW}; platform_machine==\"x86_64\"'\n"),
    "another value": (
        "i.sh", f"PIP=a/bin/pip\n$PIP install {OLD}\nPIP=b/bin/pip\n$PIP install {NEW}\n"),
    "a build that is told to stop": (
        "Dockerfile", f"{BASE}RUN set -ex; pip install mediapipe==0.8.5; pip install {NEW}\n"),
    "a range that the old one is in": (
        "i.sh", f"pip install {OLD}\npip install 'mediapipe>=0.10'\n"),
    "an && that has the new one": (
        "i.sh", f"pip install mediapipe==0.8.5 && pip install {NEW}\n"),
    "an && of a build": (
        "Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.5 && true\nRUN pip install {NEW}\n"),
    "the last of an && in a script that stops": (
        "i.sh", f"set -e\ntrue && pip install mediapipe==0.8.5\npip install {NEW}\n"),
    "a heredoc that stops": (
        "Dockerfile", f"{BASE}RUN <<E\nset -e\npip install mediapipe==0.8.5\n"
        f"pip install {NEW}\nE\n"),
    "a heredoc for a shell that stops": (
        "Dockerfile", f"{BASE}RUN <<E bash -ex\npip install mediapipe==0.8.5\n"
        f"pip install {NEW}\nE\n"),
    "a heredoc's last command": (
        "Dockerfile", f"{BASE}RUN <<E\ntrue\npip install mediapipe==0.8.5\nE\n"
        f"RUN pip install {NEW}\n"),
    "a make that stops": (
        "Makefile", ".SHELLFLAGS := -euc\nall:\n"
        f"\tpip install mediapipe==0.8.5; pip install {NEW}\n"),
    "a shell that stops": (
        "Dockerfile", f'{BASE}SHELL ["/bin/bash", "-euo", "pipefail", "-c"]\n'
        f"RUN pip install mediapipe==0.8.5; pip install {NEW}\n"),
    "a question": ("i.sh", f"pip install {OLD}\npip uninstall mediapipe\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPLACED)
def test_what_is_replaced_further_down_is_no_cause(tmp_path: Path, kind: str) -> None:
    name, text = REPLACED[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize("kind", BOTH)
def test_what_may_stay_installed_counts(tmp_path: Path, kind: str) -> None:
    name, text = BOTH[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert OLD in lines(answer) or "mediapipe==0.8.5" in lines(answer)


def test_a_list_for_other_machines_replaces_nothing(tmp_path: Path) -> None:
    files = {
        "i.sh": f"pip install {OLD}\npip install -U -r requirements.txt\n",
        "requirements.txt": f"{NEW}; platform_machine=='x86_64'\n",
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


@pytest.mark.parametrize(
    "cells",
    [
        [f"if jetson:\n    !pip install {OLD}\nelse:\n    !pip install {NEW}"],
        [f"!pip install {OLD}", "if CLEAN:\n    !pip uninstall -y mediapipe"],
        [f"!pip install {OLD}", "def clean():\n    %pip uninstall -y mediapipe"],
    ],
)
def test_a_line_that_may_not_be_run_replaces_nothing(tmp_path: Path, cells: list[str]) -> None:
    book = {"cells": [{"cell_type": "code", "source": text} for text in cells]}
    answer = judged(tmp_path, {"a.ipynb": json.dumps(book)}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


def test_a_wheel_file_that_replaces_a_version_is_for_an_audit(tmp_path: Path) -> None:
    wheel = "mediapipe-1.2.2-cp39-abi3-manylinux_2_28_aarch64.whl"
    text = f"pip install mediapipe==0.8.9\npip install {wheel}\n"
    answer = judged(tmp_path, {"install.sh": text}, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "wheels.audit" in lines(answer)
    assert "0.8.9" not in lines(answer)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.9\nRUN pip install {NEW}\n"),
        ("Dockerfile", f"{BASE}RUN pip install mediapipe==0.8.9 && pip install {NEW}\n"),
        ("i.sh", f"#!/bin/sh -e\npip install mediapipe==0.8.9\npip install {NEW}\n"),
        ("i.sh", f"pip install mediapipe==0.8.9 || exit 1\npip install {NEW}\n"),
        (
            "Dockerfile",
            f"{BASE}# hands (if any)\nRUN pip install mediapipe==0.8.9\nRUN pip install {NEW}\n",
        ),
        (
            "Dockerfile",
            f'{BASE}RUN echo "(if any)" && pip install mediapipe==0.8.9\nRUN pip install {NEW}\n',
        ),
        ("i.sh", f"set -e\n# packages (if any)\npip install mediapipe==0.8.9\npip install {NEW}\n"),
        (
            "Makefile",
            f"P := $(if $(V),a,b)\nall:\n\tpip install mediapipe==0.8.9\n\tpip install {NEW}\n",
        ),
        (
            "Makefile",
            "all:\n\tpip install \\\n\t  --no-cache-dir \\\n\t  mediapipe==0.8.9\n"
            f"\tpip install {NEW}\n",
        ),
    ],
)
def test_what_stops_the_script_is_a_cause(tmp_path: Path, name: str, text: str) -> None:
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "the script ends here" in lines(answer)


def test_a_list_replaces_too(tmp_path: Path) -> None:
    files = {
        "Dockerfile": f"{BASE}RUN pip install {OLD}\nRUN pip install -r /app/requirements.txt\n",
        "requirements.txt": f"numpy\n{NEW}\n",
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


def test_a_later_cell_replaces_too(tmp_path: Path) -> None:
    cells = [
        f"!pip install -q {OLD}\nimport os",
        f"%pip uninstall -y mediapipe\n!pip install {NEW}",
    ]
    book = {"cells": [{"cell_type": "code", "source": text} for text in cells]}
    answer = judged(tmp_path, {"a.ipynb": json.dumps(book)}, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)
    assert "cell 2, line 2" in lines(answer)


def test_a_script_that_is_not_followed_has_nothing_replaced(tmp_path: Path) -> None:
    text = f"pip install {OLD}\nif true; then\npip install {NEW}\n"
    answer = judged(tmp_path, {"i.sh": text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        f"pip install {OLD}\n" * 1_500,
        "\n" * 200_000 + f"pip install {OLD}\n",
        "cat <<EOF\n" * 5_000 + f"pip install {OLD}\n",
        f"pip install {OLD}\n" + "cat <<EOF\nx\nEOF\n" * 3_000,
        "if x; then\n" * 800 + f"pip install {OLD}\n" + "fi\n" * 800,
    ],
)
def test_a_long_script_is_read_in_time(tmp_path: Path, text: str) -> None:
    with in_time():
        answer = judged(tmp_path, {"i.sh": text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad"


LIST = {"requirements.txt": f"{OLD}\nnumpy\n"}
INSTALLED = "RUN pip install -r requirements.txt\n"
CHANGED = {
    "replaced": f"{BASE}{INSTALLED}RUN pip install --upgrade {NEW}\n",
    "edited": f"{BASE}RUN sed -i 's/{OLD}/{NEW}/' requirements.txt\n{INSTALLED}",
    "edited in the same line": (
        f"{BASE}RUN sed -i '/mediapipe/d' requirements.txt && pip install -r requirements.txt\n"
    ),
    "filtered": (
        f"{BASE}RUN grep -v mediapipe requirements.txt > r.txt && pip install -r r.txt\n"
        f"RUN pip install {NEW}\n"
    ),
}
PLAIN = {
    "edited later": f"{BASE}{INSTALLED}RUN sed -i 's/{OLD}/{NEW}/' requirements.txt\n",
    "replaced before": f"{BASE}RUN pip install {NEW}\n{INSTALLED}",
    "another package": f"{BASE}RUN sed -i 's/numpy/numpy<2/' requirements.txt\n{INSTALLED}",
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_list_that_a_build_changes_is_not_what_is_installed(tmp_path: Path, kind: str) -> None:
    files = {**LIST, "Dockerfile": CHANGED[kind]}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "changes or replaces it" in lines(answer)
    also = {**files, "install.sh": "pip install -r requirements.txt\n"}
    answer = judged(tmp_path, also, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


def test_a_right_list_that_a_build_edits_is_not_right(tmp_path: Path) -> None:
    files = {
        "requirements.txt": f"{NEW}\n",
        "Dockerfile": f"{BASE}RUN sed -i 's/mediapipe.*/{OLD}/' requirements.txt\n{INSTALLED}",
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_list_that_is_installed_as_it_is(tmp_path: Path, kind: str) -> None:
    files = {**LIST, "Dockerfile": PLAIN[kind]}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


PIN = "mediapipe==0.10.18"
THERE = {
    "a pin": f"pip3 install {PIN}\npip3 install mediapipe\n",
    "a range": f"pip3 install {PIN}\npip3 install 'mediapipe>=0.10' numpy\n",
    "by another name of pip": f"python3 -m pip install {PIN}\npip install mediapipe\n",
    "in an arm": f"pip install {PIN}\nif [ $X = a ]; then\n  pip install mediapipe\nfi\n",
    "twice": f"pip install {PIN}\npip install mediapipe\npip install mediapipe\n",
    "a range before": "pip install 'mediapipe<1'\npip install mediapipe\n",
}
GONE = {
    "upgraded": f"pip install {PIN}\npip install -U mediapipe\n",
    "taken out": f"pip install {PIN}\npip uninstall -y mediapipe\npip install mediapipe\n",
    "another environment": f"pip install {PIN}\n. b/bin/activate\npip install mediapipe\n",
    "in an arm alone": f"if [ $X = a ]; then\n  pip install {PIN}\nfi\npip install mediapipe\n",
    "on a condition": f"./test || pip install {PIN}\npip install mediapipe\n",
    "a folder": f"pip install -t a {PIN}\npip install -t a mediapipe\n",
    "another version": f"pip install {PIN}\npip install 'mediapipe>=1.1'\n",
    "for other machines": (
        f"pip install '{PIN}; platform_machine==\"x86_64\"'\npip install mediapipe\n"
    ),
    "where a command with it fails": (
        f"pip install {PIN} && pip install numpy || pip install mediapipe\n"
    ),
    "in an arm where it fails": (f"if ! pip install {PIN}; then\n  pip install mediapipe\nfi\n"),
    "a function that is called before": (
        f"f() {{\n  pip install mediapipe\n}}\nf\npip install {PIN}\n"
    ),
}


@pytest.mark.parametrize("kind", THERE)
def test_pip_leaves_what_is_there_already(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, {"i.sh": THERE[kind]}, device="nano")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize("kind", GONE)
def test_pip_takes_the_newest_where_nothing_is_there(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, {"i.sh": GONE[kind]}, device="nano")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "can't load" in lines(answer)


def test_a_list_has_what_is_there_already(tmp_path: Path) -> None:
    files = {
        "Dockerfile": f"{BASE}RUN pip install {PIN}\n{INSTALLED}",
        "requirements.txt": "numpy\nmediapipe\n",
    }
    answer = judged(tmp_path, files, device="nano")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "changes or replaces it" in lines(answer)
