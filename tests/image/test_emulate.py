"""`./inv emulate`: commands in arm64 images on emulated cores, as a CI runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from tests.devices.guest import tiny
from tests.image.kit import NEEDS, Image, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
READY = "print('ready', flush=True); import time; time.sleep(60)"


def left() -> str:
    return docker("ps", "-aq", "--filter", "name=mediapipe-jetson-emulate-").stdout


def emulate(
    image: Image, *options: str, command: tuple[str, ...], **more: str
) -> subprocess.CompletedProcess[str]:
    done = inv("emulate", image.id, *options, "--", *command, env=more)
    assert left() == ""
    return done


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_selftest_passes_on_the_oldest_core_of_the_target(jetson: Image) -> None:
    done = emulate(jetson, command=("selftest", "--json", "--frames", "1"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["cpu"]) == ("pass", "Cortex-A76")
    assert document["emulated"]


OLD_CODE = """
import cv2, mediapipe as mp
picture = cv2.imread("/data/astronaut.jpg")[:, :, ::-1]
with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
    for face in mesh.process(picture).multi_face_landmarks:
        print(len(face.landmark), round(face.landmark[1].x, 4))
"""


def test_old_face_mesh_code_runs_unchanged(jetson: Image) -> None:
    data = ROOT / "wheels/mediapipe-jetson/src/mediapipe_jetson/data"
    options = ("-v", f"{data}:/data:ro")
    done = emulate(jetson, *options, command=("python3", "-c", OLD_CODE))
    # MediaPipe 0.10.21 on x86_64 has 0.43648 there.
    assert done.stdout.split() == ["478", "0.4365"], done.stderr


def test_the_old_boards_core_runs_their_image_and_refuses_another(
    jetson: Image, old_jetson: Image
) -> None:
    command = ("selftest", "--json", "--frames", "1")
    old = emulate(old_jetson, command=command)
    assert old.returncode == 0, old.stderr
    document = json.loads(old.stdout)
    assert (document["verdict"], document["cpu"], old.stderr) == ("pass", "Cortex-A57", "")
    new = emulate(jetson, "--cpu", "cortex-a57", command=("selftest",))
    assert new.returncode == 11
    warning, error = new.stderr.strip().splitlines()
    assert warning.startswith("warning: MediaPipe ")
    assert "can't run on cortex-a57, which lacks LSE atomics" in warning
    assert "was not started: it needs LSE atomics" in error


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 139), ("no-such", 127)]
)
def test_the_exit_code_is_the_commands_own(jetson: Image, script: str, code: int) -> None:
    assert emulate(jetson, command=("sh", "-c", script)).returncode == code


def test_streams_variables_and_folders(jetson: Image, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in a folder\n")
    tmp_path.chmod(0o755)
    script = 'cat - /data/file; echo "$GIVEN/$TAKEN/$ABSENT_HERE" >&2; ls /sys/class/net'
    done = subprocess.run(
        [
            *(ROOT / "inv", "emulate", jetson.id, "--volume", f"{tmp_path}:/data:ro"),
            *("--env", "GIVEN=a b", "--env", "TAKEN", "--env", "ABSENT_HERE", "--"),
            *("sh", "-c", script),
        ],
        input="from outside\n",
        env={**os.environ, "TAKEN": "c"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout == "from outside\nin a folder\nlo\n"
    assert done.stderr == "a b/c/\n"


def test_the_time_limit(jetson: Image) -> None:
    done = emulate(jetson, "--timeout", "8", command=("python3", "-c", READY))
    assert (done.returncode, done.stdout) == (124, "ready\n")
    assert "more than 8 s" in one_line(done)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 1)]
)
def test_a_signal_ends_it_and_nothing_is_left(jetson: Image, number: int, code: int) -> None:
    """Python dies of SIGTERM; of SIGINT it makes KeyboardInterrupt, which this program answers."""
    program = f"try:\n {READY}\nexcept KeyboardInterrupt: raise SystemExit(1)"
    with subprocess.Popen(
        [ROOT / "inv", "emulate", jetson.id, "--", "python3", "-c", program],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(60) == code
    assert left() == ""


def test_what_a_killed_one_leaves_goes_with_the_next(jetson: Image) -> None:
    with subprocess.Popen(
        [ROOT / "inv", "emulate", jetson.id, "--", "python3", "-c", READY],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()
    until = time.monotonic() + 10
    while not left() and time.monotonic() < until:
        time.sleep(0.1)
    assert left()
    emulate(jetson, command=("true",))


def test_images_that_are_not_there_or_not_for_arm64() -> None:
    nothing = inv("emulate", "no-such-image:1", "--", "true")
    assert (nothing.returncode, "there is no image" in one_line(nothing)) == (2, True)
    with tiny() as tag:
        other = inv("emulate", tag, "--", "true")
    assert (other.returncode, "is for amd64, not arm64" in one_line(other)) == (2, True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cpu", "cortex-a99"), "choose one of cortex-a57, carmel, cortex-a76, max"),
        (("--volume", "/no/such/folder:/data"), "is not there"),
        (("--volume", "data"), "write SOURCE:/TARGET"),
        (("--env", "=1"), "has no name"),
        (("--timeout", "-1"), "is no number from 0"),
        (("--network", "no-such-network"), "no-such-network"),
    ],
)
def test_bad_input_is_one_line(jetson: Image, options: tuple[str, ...], expected: str) -> None:
    done = emulate(jetson, *options, command=("true",))
    assert done.returncode in (2, 7)
    assert expected in one_line(done)


def test_a_volume_by_its_name(jetson: Image) -> None:
    """One that is there is mounted; one that is not is named, and not made."""
    name = "mediapipe-jetson-test-named"
    command = ("python3", "-c", "open('/data/x', 'a').write('y')")
    docker("volume", "create", name)
    try:
        assert emulate(jetson, "--volume", f"{name}:/data:ro", command=command).returncode == 1
    finally:
        docker("volume", "rm", name)
    done = emulate(jetson, "--volume", f"{name}:/data", command=command)
    assert done.returncode == 2
    assert f"there is no volume {name}; a folder is ./{name}" in done.stderr
    assert docker("volume", "ls", "-q", "--filter", f"name={name}").stdout == ""
