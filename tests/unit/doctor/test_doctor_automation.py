"""What jobs of GitHub and GitLab and tasks of Ansible install, where a board may run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

OLD, NEW = "mediapipe==0.10.9", "mediapipe==1.2.2"
LIST = {"requirements.txt": f"{NEW}\n"}
CI, GITLAB, PLAY = ".github/workflows/ci.yml", ".gitlab-ci.yml", "deploy/play.yml"


def workflow(runs: str, run: str, more: str = "") -> dict[str, str]:
    """Return a workflow with one job of one step; its command is on line 7."""
    return {
        CI: f"on: push\njobs:\n  t:\n    runs-on: {runs}\n{more}    steps:\n"
        f"      - name: deps\n        run: {run}\n"
    }


BAD = {
    "a line": (workflow("[self-hosted, jetson]", f"pip install {OLD}"), f"{CI}:7"),
    "a block": (
        workflow("[self-hosted, ARM64]", f"|\n          set -x\n          pip install {OLD}"),
        f"{CI}:9",
    ),
    "labels of a group": (
        workflow("{group: boards, labels: [orin]}", f"pip install {OLD}"), f"{CI}:7"),
    "a matrix": (
        workflow(
            "${{ matrix.on }}", f"pip install {OLD}",
            "    strategy: {matrix: {on: [ubuntu-22.04, jetson-orin]}}\n"),
        f"{CI}:8",
    ),
    "gitlab": (
        {GITLAB: f"t:\n  tags: [jetson]\n  before_script:\n    - pip install {OLD}\n"
         "  script: [pytest]\n"},
        f"{GITLAB}:4",
    ),
    "gitlab's default": (
        {GITLAB: f"default:\n  tags: [l4t]\nt:\n  script: pip install {OLD}\n"}, f"{GITLAB}:4"),
    "a play": (
        {PLAY: f"- hosts: all\n  tasks:\n    - name: a\n      ansible.builtin.pip:\n"
         f"        name: {OLD}\n"},
        f"{PLAY}:5",
    ),
    "a version": (
        {PLAY: "---\n# a\n\n- hosts: all\n  tasks:\n    - pip:\n        name: mediapipe\n"
         "        version: 0.10.9\n"},
        f"{PLAY}:7",
    ),
    "a line of it": ({PLAY: "- pip: name=mediapipe version=0.10.9\n"}, f"{PLAY}:1"),
    "a list": (
        {"roles/a/tasks/main.yml": f"- block:\n    - pip:\n        name:\n          - numpy\n"
         f"          - {OLD}\n        state: present\n"},
        OLD,
    ),
    "with commas": ({PLAY: f"- pip:\n    name: numpy, {OLD}\n"}, OLD),
    "a shell": (
        {PLAY: f"- name: a\n  shell: |\n    cd /x\n    pip3 install {OLD}\n"}, f"{PLAY}:4"),
    "a command": ({PLAY: f"- command:\n    cmd: pip3 install {OLD}\n"}, f"{PLAY}:2"),
}  # fmt: skip
OPEN = {
    "a runner of one's own": workflow("self-hosted", f"pip install {OLD}"),
    "a runner that a variable names": workflow("${{ inputs.on }}", f"pip install {OLD}"),
    "a step on a condition": {
        CI: f"jobs:\n  t:\n    runs-on: jetson\n    steps:\n      - if: github.ref\n"
        f"        run: pip install {OLD}\n"
    },
    "another part": {CI: f"jobs:\n  t:\n    runs-on: jetson\n    env: {{X: {OLD}}}\n"},
    "gitlab without tags": {GITLAB: f"t:\n  script:\n    - pip install {OLD}\n"},
    "a task on a condition": {
        PLAY: f"- pip:\n    name: {OLD}\n  when: ansible_architecture == 'x86_64'\n"
    },
    "a block on a condition": {
        PLAY: f"- when: x\n  block:\n    - pip:\n        name: {OLD}\n",
    },
    "filled in": {PLAY: "- pip:\n    name: \"mediapipe=={{ version }}\"\n"},
    "no YAML": {PLAY: "- pip:\n    name: {{ mediapipe }}\n"},
}  # fmt: skip
RIGHT = {
    "a machine that is lent": workflow("ubuntu-latest", f"pip install {OLD}"),
    "a matrix of such": workflow(
        "${{ matrix.os }}", f"pip install {OLD}",
        "    strategy:\n      matrix:\n        os: [ubuntu-24.04-arm, macos-14]\n",
    ),
    "a board's": workflow("jetson", f"pip install {NEW}"),
    "upgraded": {
        PLAY: f"- pip:\n    name: {OLD}\n- pip:\n    name: mediapipe\n    state: latest\n"
    },
    "taken out": {
        PLAY: f"- pip:\n    name: {OLD}\n- pip:\n    name: mediapipe\n    state: absent\n"
        f"- pip:\n    name: {NEW}\n"
    },
    "replaced in a later step": {
        CI: f"jobs:\n  t:\n    runs-on: jetson\n    steps:\n      - run: pip install {OLD}\n"
        f"      - run: pip install {NEW}\n"
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_a_board_installs_is_judged(tmp_path: Path, kind: str) -> None:
    files, place = BAD[kind]
    answer = judged(tmp_path, {**LIST, **files}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert place in lines(answer)
    assert "not read" not in lines(answer)


@pytest.mark.parametrize("kind", OPEN)
def test_what_a_board_may_not_run_is_listed(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, {**LIST, **OPEN[kind]}, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert f"not read: {next(iter(OPEN[kind]))} (" in lines(answer)


@pytest.mark.parametrize("kind", RIGHT)
def test_what_no_board_keeps_is_no_cause(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, {**LIST, **RIGHT[kind]}, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


def test_the_python_of_an_environment(tmp_path: Path) -> None:
    task = f"- pip:\n    name: {NEW}\n    virtualenv: /v\n    virtualenv_python: python3.8\n"
    answer = judged(tmp_path, {PLAY: task}, device="orin")["project-python"]
    assert answer.result.status == "bad", lines(answer)
    assert f"{PLAY}:4: write virtualenv_python: python3.11" in answer.cure


def test_a_job_for_another_machine_names_no_list_of_a_boards(tmp_path: Path) -> None:
    files = {
        "requirements.txt": f"{OLD}\n",
        "requirements-jetson.txt": f"{NEW}\n",
        **workflow("ubuntu-latest", "pip install -r requirements.txt # mediapipe"),
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "requirements-jetson.txt beside it is for boards" in lines(answer)
