"""The doctor as it is run: by hand, by the host's task, on Python 3.9, and over a real ssh."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import jsonschema
import pytest
from mediapipe_jetson.doctor import commands
from mediapipe_jetson.observation import Absent

from jetson_kit import doctor, doctor_tree, wheels
from jetson_kit.errors import BadInputError, CheckFailedError, NetworkError, StepFailedError
from jetson_kit.paths import ROOT
from tests.unit.device_wheel_trees import SOURCE, TREES, schema, wheel
from tests.unit.doctor_scenes import plant
from tests.unit.test_device_facts import SSHD, make_key, privilege_folder, wait_for

LEGACY = "import mediapipe as mp\nhands = mp.solutions.hands.Hands(max_num_hands=2)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {"app/main.py": LEGACY, "app/requirements.txt": "mediapipe==0.10.9\n"}
    return plant(tmp_path, files) / "app"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--nonsense"], 3),
        (["--code"], 3),
        (["--code", "/proc/nonexistent"], 3),
        (["extra"], 3),
    ],
)
def test_usage(words: list[str], code: int) -> None:
    done = wheel("doctor", *words)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    if code:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_json_and_text(project: Path) -> None:
    done = wheel("doctor", "--json", "--code", str(project))
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("doctor"))
    found = {item["id"]: item for item in document["causes"]}
    assert found["legacy-api"]["findings"][0]["file"] == "main.py"
    assert found["old-requirement"]["status"] == "bad"
    text = wheel("doctor", "--code", str(project)).stdout
    assert "main.py:2: Hands(max_num_hands=...) -> num_hands" in text
    assert "Traceback" not in text


def test_a_single_file(project: Path) -> None:
    done = wheel("doctor", "--json", "--code", str(project / "main.py"))
    found = {item["id"]: item for item in json.loads(done.stdout)["causes"]}
    assert found["legacy-api"]["findings"][0]["file"] == "main.py"


def python_of(version: str) -> str:
    """Return such a Python of this machine, installed or built by pyenv; skip without one."""
    built = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python3"))
    for name in (f"python{version}", *map(str, built)):
        with contextlib.suppress(OSError):
            if not subprocess.run([name, "--version"], capture_output=True, check=False).returncode:
                return name
    return pytest.skip(f"no Python {version} is installed")


def test_runs_on_python_3_9(project: Path) -> None:
    python = python_of("3.9")
    done = wheel("doctor", "--json", "--code", str(project), python=python)
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["python"].startswith("3.9.")
    assert not any("check failed" in item["evidence"][0] for item in document["causes"])


def test_an_older_python_is_told(project: Path) -> None:
    python = python_of("3.8")
    done = wheel("doctor", python=python)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Python 3.8 is too old for the wheel; ")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_programs_that_fail_are_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    program(folder, "says", "echo hello")
    program(folder, "fails", "echo one >&2; echo two >&2; exit 3")
    program(folder, "hangs", "exec sleep 60")
    (folder / "odd").write_text("no program")
    (folder / "odd").chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.3)
    assert commands.run(("says",), environment) == "hello\n"
    for name, words in (("fails", "two"), ("hangs", "0.3 s"), ("odd", "odd"), ("no", "installed")):
        found = commands.run((name,), environment)
        assert isinstance(found, Absent)
        assert words in found.reason


def test_a_board_as_its_own_programs_tell_it(tmp_path: Path) -> None:
    """The commands that are asked exist in the form in which real ones answer."""
    folder = tmp_path / "bin"
    program(
        folder, "docker", '[ "$1" = version ] && echo 28.0.1; [ "$1" = ps ] && echo abc; exit 0'
    )
    program(folder, "nvidia-ctk", "echo NVIDIA Container Toolkit CLI version 1.17.3")
    found = commands.outputs({"PATH": f"{folder}:/usr/bin:/bin"})
    assert found["docker-version"] == "28.0.1\n"
    assert found["toolkit-version"] == "NVIDIA Container Toolkit CLI version 1.17.3\n"


@pytest.mark.network
@pytest.mark.parametrize(
    ("version", "gpu", "vulkan"), [("0.10.18", "bad", "ok"), ("1.2.2", "ok", "unknown")]
)
def test_official_wheels(tmp_path: Path, version: str, gpu: str, vulkan: str) -> None:
    """Installed as pip would, read and not loaded: these are for aarch64."""
    with zipfile.ZipFile(wheels.fetch(wheels.select("arm64", "3.11", version))) as archive:
        archive.extractall(tmp_path)
    done = wheel("doctor", "--json", path=Path(f"{SOURCE}{os.pathsep}{tmp_path}"))
    document = json.loads(done.stdout)
    causes = {item["id"]: item["status"] for item in document["causes"]}
    assert document["mediapipe"] == version
    assert (causes["wheel-without-gpu"], causes["vulkan-icd-missing"]) == (gpu, vulkan)


@pytest.mark.docker
def test_a_real_engine_answers() -> None:
    found = commands.outputs(dict(os.environ))
    for name in ("docker-version", "docker-runtimes", "docker-containers"):
        assert isinstance(found[name], str), found[name]
    runtimes = found["docker-runtimes"]
    assert isinstance(runtimes, str)
    assert "runc" in json.loads(runtimes)


def test_local(project: Path) -> None:
    found = doctor.local(project)
    jsonschema.validate(found.document, schema("doctor"))
    assert {"legacy-api", "old-requirement"} <= set(found.bad)
    assert "The program uses the legacy API" in found.text
    with pytest.raises(CheckFailedError, match="legacy-api"):
        found.check()


def test_local_without_such_code() -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        doctor.local(Path("/proc/nonexistent"))


def test_payload_holds_code_and_tables_only(project: Path) -> None:
    (project / "secret.key").write_text("no code")
    names = zipfile.ZipFile(BytesIO(doctor.payload(project))).namelist()
    assert "package/mediapipe_jetson/doctor/cli.py" in names
    assert "package/mediapipe_jetson/data/doctor.json" in names
    assert [name for name in names if name.startswith("code/")] == [
        "code/",
        "code/main.py",
        "code/requirements.txt",
    ]
    assert not any("astronaut" in name or "__pycache__" in name for name in names)


@dataclass(frozen=True)
class Server:
    """A real sshd on loopback."""

    host: str
    options: tuple[str, ...]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve whatever is asked, after a login shell's greeting."""
    with serving(
        tmp_path_factory.mktemp("sshd"), 'echo Welcome; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    ) as made:
        yield made


@contextlib.contextmanager
def serving(folder: Path, script: str) -> Iterator[Server]:
    if not SSHD or not shutil.which("ssh"):
        pytest.skip("sshd is not installed (openssh-server)")
    host_key, key = make_key(folder / "host"), make_key(folder / "user")
    forced = folder / "forced.sh"
    forced.write_text(f"{script}\n")
    public = key.with_suffix(".pub").read_text()
    (folder / "authorized").write_text(f'restrict,command="sh {forced}" {public}')
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    known = folder / "known_hosts"
    known.write_text(
        f"[127.0.0.1]:{port} {' '.join(host_key.with_suffix('.pub').read_text().split()[:2])}\n"
    )
    options: tuple[str, ...] = ("-F", "none", "-p", str(port))
    options += ("-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none")
    options += ("-o", "IdentitiesOnly=yes", "-i", str(key))
    with privilege_folder(), (folder / "log").open("w") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
        try:
            wait_for(port, daemon, folder / "log")
            yield Server(f"{getpass.getuser()}@127.0.0.1", options)
        finally:
            daemon.terminate()
            daemon.wait(10)


def left_behind() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("mediapipe-jetson-doctor-*")}


def test_over_ssh(server: Server, project: Path) -> None:
    before = left_behind()
    found = doctor.remote(server.host, project, server.options)
    jsonschema.validate(found.document, schema("doctor"))
    assert {"legacy-api", "old-requirement"} <= set(found.bad)
    entry = next(item for item in found.document["causes"] if item["id"] == "legacy-api")
    assert entry["findings"][0]["file"] == "main.py"
    assert left_behind() == before


def test_over_ssh_without_code(server: Server) -> None:
    found = doctor.remote(server.host, None, server.options)
    entry = next(item for item in found.document["causes"] if item["id"] == "legacy-api")
    assert entry["status"] == "unknown"


def test_over_ssh_the_environment_is_the_sessions(server: Server) -> None:
    """What sshd sets is seen, what this process has is not."""
    os.environ["EGL_PLATFORM"] = "surfaceless"
    try:
        found = doctor.remote(server.host, None, server.options)
    finally:
        del os.environ["EGL_PLATFORM"]
    assert "egl-platform-ignored" not in found.bad


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
    with serving(tmp_path, old_board(tmp_path, root)) as made:
        found = doctor.remote(made.host, project, made.options)
    document = found.document
    jsonschema.validate(document, schema("doctor"))
    assert (document["python"], document["l4t"]) == ("3.8.10", "32.7.1")
    assert document["model"] == "NVIDIA Jetson Nano Developer Kit"
    causes = {item["id"]: item for item in document["causes"]}
    assert found.bad[0] == "python-too-old"
    assert causes["power-mode"]["cure"].startswith("sudo nvpmodel -m 0")
    assert causes["device-permissions"]["status"] != "unknown"
    assert causes["legacy-api"]["status"] == "bad"
    assert not any("check failed" in item["evidence"][0] for item in document["causes"])
    assert found.text.startswith(("on the board: NVIDIA Jetson Nano", "in a container: NVIDIA"))


def told(**changed: str) -> str:
    lines = {"python": "3.8.10", "machine": "aarch64", "ids": "1000 1000 44", "end": "", **changed}
    return "".join(f"@@{key} {value}\n" for key, value in lines.items() if value != "-")


def test_what_sh_tells() -> None:
    node, file = "660 0 44 /dev/nvmap", "/etc/x eA=="
    found = doctor_tree.parse(f"Welcome\n{told(node=node, file=file)}")
    assert found.nodes == (("/dev/nvmap", 0o660, 0, 44),)
    assert found.files == {"/etc/x": b"x"}
    assert (found.uid, found.groups) == (1000, frozenset({1000, 44}))
    assert doctor_tree.parse(told(python="")).python == ()
    name = "/usr/lib/python3/dist-packages/mediapipe-0.10.9.dist-info"
    assert doctor_tree.parse(told(name=name)).mediapipe == "0.10.9"


def test_who_may_open_nodes_is_the_boards_user() -> None:
    closed = told(node="660 0 44 /dev/nvmap").replace(" 44\n", "\n", 1)
    found = doctor.examine(doctor_tree.parse(closed))
    assert "device-permissions" in found.bad
    assert "44" in next(
        item["cure"] for item in found.document["causes"] if item["id"] == "device-permissions"
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
    folder = doctor.PACKAGE / "mediapipe_jetson" / "doctor"
    text = "".join(
        (folder / f"{name}.py").read_text() for name in ("docker", "device", "container")
    )
    for path in re.findall(r'"(/(?:etc|var|lib|proc)/[\w./*-]+)"', text):
        assert path in known or path == "/var/lib/dpkg/status", path


def test_an_answer_that_is_cut_off(tmp_path: Path) -> None:
    script = 'echo "{"; echo " \\"schema\\": \\"mediapipe-jetson/doctor/1\\","; cat >/dev/null'
    with serving(tmp_path, script) as made, pytest.raises(StepFailedError, match="doctor failed"):
        doctor.remote(made.host, None, made.options)


def test_unknown_host_key(server: Server, tmp_path: Path) -> None:
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


def invoke(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the task from a collection of its own."""
    (folder / "tasks.py").write_text(
        "from invoke.collection import Collection\nfrom jetson_kit.tasks import doctor\n"
        "ns = Collection(doctor.doctor)\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "invoke", "-r", str(folder), "doctor", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_task(project: Path, tmp_path: Path) -> None:
    done = invoke("--json", "--code", str(project), folder=tmp_path)
    assert done.returncode == 1
    jsonschema.validate(json.loads(done.stdout), schema("doctor"))
    assert "legacy-api" in done.stderr
    assert done.stderr.count("\n") == 1
    for words, cure in (
        (("--local", "--for", "a@b"), "exclude each other"),
        (("-i", "hosts.yml"), "--for user@host"),
        (("--code", "/proc/nonexistent"), "does not exist"),
        (("--for", "-x"), "no host"),
    ):
        wrong = invoke(*words, folder=tmp_path)
        assert wrong.returncode == 2, wrong
        assert cure in wrong.stderr
        assert wrong.stderr.count("\n") == 1
