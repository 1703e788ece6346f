"""The device wheel is fit for a package index: judged by twine and check-wheel-contents, installed
where nothing else of the kit is."""

from __future__ import annotations

import email
import os
import platform
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

import pytest
from mediapipe_jetson.__main__ import COMMANDS

from jetson_kit.core import environments
from jetson_kit.wheels import device_wheel

pytestmark = [pytest.mark.network, pytest.mark.slow]
COUNTER = (
    "import pathlib, mediapipe_jetson as m; place = pathlib.Path(m.__file__).parent; "
    "print(*[path.name for path in place.rglob('*.so')], place)"
)
TAGS = {"x86_64": "x86_64.whl", "aarch64": "aarch64.whl"}


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=env, cwd=Path(command[0]).parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    return device_wheel.build_all(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def bare(wheels: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with the wheel for this machine and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    fitting = next(path for path in wheels if path.name.endswith(TAGS[platform.machine()]))
    run(uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", fitting)
    return folder / "bin"


def test_pip_takes_it_from_the_folder_without_an_index(
    wheels: Sequence[Path], tmp_path: Path
) -> None:
    """The folder has a pure wheel too: pip must take the one with the counter."""
    venv.create(tmp_path / "venv")  # without pip: the host's installs into it
    program = tmp_path / "venv" / "bin" / "python"
    command = (sys.executable, "-m", "pip", "--isolated", "--python", program)
    folder = wheels[0].parent
    run(*command, "install", "--no-index", "--find-links", folder, "mediapipe-jetson")
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    counter, place = run(program, "-c", COUNTER, env=home).split()
    assert counter == f"libmpjshim_{platform.machine()}.so"
    assert Path(place).is_relative_to(tmp_path)
    listed = run(*command, "list", "--format", "freeze")
    assert listed.split() == [f"mediapipe-jetson=={device_wheel.version()}"]


def test_the_judges_take_all_three(wheels: Sequence[Path]) -> None:
    assert len(wheels) == 3
    tools = environments.python("wheel-check").parent
    run(tools / "twine", "check", "--strict", *wheels)
    run(tools / "check-wheel-contents", *wheels)


def test_a_wheel_that_lacks_its_text_is_refused(wheels: Sequence[Path], tmp_path: Path) -> None:
    damaged = tmp_path / wheels[0].name
    with zipfile.ZipFile(wheels[0]) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("/METADATA"):
                data = data.partition(b"\n\n")[0] + b"\n\n"
            target.writestr(name, data)
    twine = environments.python("wheel-check").with_name("twine")
    done = subprocess.run([twine, "check", "--strict", damaged], capture_output=True, check=False)
    assert done.returncode == 1


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_every_extra_can_be_resolved(wheels: Sequence[Path]) -> None:
    extras = metadata(wheels[0]).get_all("Provides-Extra")
    assert extras
    uv = Path(sys.executable).with_name("uv")
    for extra in extras:
        done = subprocess.run(
            [uv, "pip", "compile", "--quiet", "--no-header", "-"],
            input=f"mediapipe-jetson[{extra}] @ {wheels[0].as_uri()}",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len([line for line in done.stdout.splitlines() if "==" in line]) >= 1


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_names_the_program_that_was_started(bare: Path, command: str) -> None:
    arguments = [command] if command else []
    env = {"PATH": os.environ["PATH"], "HOME": str(bare.parent)}
    text = run(bare / "mediapipe-jetson", *arguments, "--help", env=env)
    assert text.startswith(f"usage: {' '.join(['mediapipe-jetson', *arguments])} ".rstrip())
    assert "python -m mediapipe_jetson" not in text
    text = run(bare / "python", "-m", "mediapipe_jetson", *arguments, "--help", env=env)
    assert text.startswith(" ".join(["usage: python -m mediapipe_jetson", *arguments]))


def test_it_works_without_the_kit(bare: Path) -> None:
    assert "mediapipe-jetson" in run(bare / "mediapipe-jetson", "--version")
    assert "Packages" in run(bare / "mediapipe-jetson", "info")
    done = subprocess.run(
        [bare / "mediapipe-jetson", "verify"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 11
    assert "Traceback" not in done.stderr
