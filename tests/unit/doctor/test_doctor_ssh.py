"""The doctor over a real ssh: with a Python that is new enough, and with sh alone."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from jetson_kit.core.errors import BadInputError, NetworkError, StepFailedError
from jetson_kit.doctor import local as doctor
from jetson_kit.doctor import tree as doctor_tree
from jetson_kit.wheels.device_wheel import PACKAGE
from tests.loopback_sshd import Sshd, serving
from tests.unit.device_wheel_trees import TREES, schema
from tests.unit.doctor_scenes import legacy_project, plant, program


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return legacy_project(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Serve every request, after a login shell's greeting."""
    with serving(
        tmp_path_factory.mktemp("sshd"), 'echo Welcome; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    ) as sshd:
        yield sshd


def left_behind() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("mediapipe-jetson-doctor-*")}


def test_over_ssh(server: Sshd, project: Path) -> None:
    before = left_behind()
    diagnosis = doctor.remote(server.host, project, server.options)
    jsonschema.validate(diagnosis.document, schema("doctor"))
    assert {"legacy-api", "old-requirement"} <= set(diagnosis.bad)
    entry = next(item for item in diagnosis.document["causes"] if item["id"] == "legacy-api")
    assert entry["findings"][0]["file"] == "main.py"
    assert left_behind() == before


def test_over_ssh_without_code(server: Sshd) -> None:
    diagnosis = doctor.remote(server.host, None, server.options)
    entry = next(item for item in diagnosis.document["causes"] if item["id"] == "legacy-api")
    assert entry["status"] == "unknown"


def test_over_ssh_the_environment_is_the_sessions(server: Sshd) -> None:
    """What sshd sets is seen, what this process has is not."""
    os.environ["EGL_PLATFORM"] = "surfaceless"
    try:
        diagnosis = doctor.remote(server.host, None, server.options)
    finally:
        del os.environ["EGL_PLATFORM"]
    assert "egl-platform-ignored" not in diagnosis.bad


def old_board(folder: Path, root: Path) -> str:
    """Return what a board does that has the tree `root` and no Python 3.9."""
    python = 'case "$2" in *"< (3, 9)"*) exit 1;; esac; echo 3.8.10'
    program(folder / "only", "python3", python)
    (folder / "only" / "sh").symlink_to(str(shutil.which("sh")))
    program(folder / "more", "python3", python)
    program(folder / "more", "nvpmodel", "printf 'NV Power Mode: 5W\\n1\\n'")
    below = rf"s#(^f=|[ =])/(etc|proc|sys|dev|usr|var|lib|run|tmp)/#\1{root}/\2/#g"
    return (
        'case "$SSH_ORIGINAL_COMMAND" in\n'
        f"  'sh -s') PATH={folder}/more:$PATH; sed -E '/^for |^f=/ {below}' | sh -s"
        f" | sed 's# {root}/# /#';;\n"
        f'  *) PATH={folder}/only; sh -c "$SSH_ORIGINAL_COMMAND";;\n'
        "esac"
    )


def test_a_board_with_an_old_python(tmp_path: Path, project: Path) -> None:
    """JetPack 4 and 5: sh tells what is there, the checks run here."""
    root = tmp_path / "root"
    conf = "< POWER_MODEL ID=0 NAME=MAXN >\nGPU MAX_FREQ -1\n< POWER_MODEL ID=1 NAME=5W >\n"
    plant(
        root,
        {
            **TREES["nano"],
            "etc/nvpmodel.conf": f"{conf}GPU MAX_FREQ 640000000\n",
            "etc/docker/daemon.json": "{}",
            "home/x": "",
        },
    )
    (root / "dev/nvmap").chmod(0o660)
    with serving(tmp_path, old_board(tmp_path, root)) as sshd:
        diagnosis = doctor.remote(sshd.host, project, sshd.options)
    document = diagnosis.document
    jsonschema.validate(document, schema("doctor"))
    assert (document["python"], document["l4t"]) == ("3.8.10", "32.7.1")
    assert document["model"] == "NVIDIA Jetson Nano Developer Kit"
    causes = {item["id"]: item for item in document["causes"]}
    assert diagnosis.bad[0] == "python-too-old"
    assert causes["power-mode"]["cure"].startswith("sudo nvpmodel -m 0")
    assert causes["device-permissions"]["status"] != "unknown"
    assert causes["legacy-api"]["status"] == "bad"
    assert not any("check failed" in item["evidence"][0] for item in document["causes"])
    assert diagnosis.text.startswith(("on the board: NVIDIA Jetson Nano", "in a container: NVIDIA"))


def told(**changed: str) -> str:
    lines = {"python": "3.8.10", "machine": "aarch64", "ids": "1000 1000 44", "end": "", **changed}
    return "".join(f"@@{key} {value}\n" for key, value in lines.items() if value != "-")


def test_what_sh_tells() -> None:
    node, file = "660 0 44 /dev/nvmap", "/etc/x eA=="
    facts = doctor_tree.parse(f"Welcome\n{told(node=node, file=file)}")
    assert facts.nodes == (("/dev/nvmap", 0o660, 0, 44),)
    assert facts.files == {"/etc/x": b"x"}
    assert (facts.uid, facts.groups) == (1000, frozenset({1000, 44}))
    assert doctor_tree.parse(told(python="")).python == ()
    name = "/usr/lib/python3/dist-packages/mediapipe-0.10.9.dist-info"
    assert doctor_tree.parse(told(name=name)).mediapipe == "0.10.9"


def test_who_may_open_nodes_is_the_boards_user() -> None:
    closed = told(node="660 0 44 /dev/nvmap").replace(" 44\n", "\n", 1)
    diagnosis = doctor.examine(doctor_tree.parse(closed))
    assert "device-permissions" in diagnosis.bad
    assert "44" in next(
        item["cure"] for item in diagnosis.document["causes"] if item["id"] == "device-permissions"
    )
    mine = doctor.examine(doctor_tree.parse(told(node="660 0 44 /dev/nvmap")))
    assert "device-permissions" not in mine.bad


@pytest.mark.parametrize(
    "text",
    [
        told(end="-"),
        told(ids="-"),
        told(ids="root"),
        told(file="/etc/../../x eA=="),
        told(file="etc/x eA=="),
        told(file="/etc/x ?"),
        told(node="660 0"),
        told(out="docker-version"),
        told(python="three"),
    ],
)
def test_odd_answers_are_refused(text: str) -> None:
    with pytest.raises(StepFailedError, match="the device's answer"):
        doctor_tree.parse(text)


def test_the_script_reads_every_file_that_the_checks_read() -> None:
    """Paths in the device wheel's doctor stand in the list that sh is asked for."""
    known = doctor_tree.DATA.read_text()
    folder = PACKAGE / "mediapipe_jetson" / "doctor"
    text = "".join(
        (folder / f"{name}.py").read_text() for name in ("docker", "device", "container")
    )
    for path in re.findall(r'"(/(?:etc|var|lib|proc)/[\w./*-]+)"', text):
        assert path in known or path == "/var/lib/dpkg/status", path


def test_an_answer_that_is_cut_off(tmp_path: Path) -> None:
    script = 'echo "{"; echo " \\"schema\\": \\"mediapipe-jetson/doctor/1\\","; cat >/dev/null'
    with serving(tmp_path, script) as sshd, pytest.raises(StepFailedError, match="doctor failed"):
        doctor.remote(sshd.host, None, sshd.options)


def test_unknown_host_key(server: Sshd, tmp_path: Path) -> None:
    options = [
        f"UserKnownHostsFile={tmp_path / 'no'}" if "UserKnownHostsFile" in item else item
        for item in server.options
    ]
    with pytest.raises(BadInputError, match="host key"):
        doctor.remote(server.host, None, options)


def test_no_host_and_no_answer() -> None:
    for name in ("", "-oProxyCommand=x", "a;b"):
        with pytest.raises(BadInputError, match="no host"):
            doctor.remote(name)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with pytest.raises(NetworkError, match="cannot reach"):
        doctor.remote("user@127.0.0.1", None, ("-F", "none", "-p", port))
