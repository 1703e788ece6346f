"""Environment markers: a requirement that no Jetson takes is nobody's fault there."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import markers

from tests.unit.doctor_scenes import judged, lines

ELSEWHERE = [
    "platform_machine == 'x86_64'",
    'platform_machine=="AMD64"',
    "platform_machine == 'armv7l'",
    "'armv7l' == platform_machine",
    "platform_machine != 'aarch64'",
    "platform_machine in 'x86_64 AMD64'",
    "platform_machine not in 'aarch64, arm64'",
    "'x86' in platform_machine",
    "sys_platform == 'win32'",
    "sys.platform == 'darwin'",
    "os_name == 'nt'",
    'platform_system != "Linux"',
    "platform_machine == 'x86_64' and python_version < '3.10'",
    "python_version ~= '3.9' and platform_machine == 'x86_64'",
    "platform_machine == 'x86_64' or platform_machine == 'ppc64le'",
    "sys_platform == 'linux' and platform_machine == 'armv7l'",
    "not platform_machine == 'aarch64'",
    "(sys_platform == 'win32' or sys_platform == 'darwin') and extra == 'x'",
    "platform_machine == 'x86_64' --hash=sha256:00",
]
HERE = [
    "",
    "platform_machine == 'aarch64'",
    "platform_machine != 'x86_64'",
    "platform_machine == 'x86_64' or platform_machine == 'aarch64'",
    "platform_machine in 'x86_64 aarch64'",
    "sys_platform == 'linux'",
    "sys_platform != 'darwin' or platform_machine != 'arm64'",
    "python_version < '3.10'",
    "platform_machine == 'x86_64' or python_version < '3.10'",
    "extra == 'gpu'",
    "no marker at all",
    '{"main": "platform_machine == \'x86_64\'"}',
    "(" * 300,
]


@pytest.mark.parametrize("marker", ELSEWHERE)
def test_a_marker_that_excludes_boards(marker: str, tmp_path: Path) -> None:
    assert markers.elsewhere(marker)
    text = f"mediapipe==0.10.9; {marker}\nmediapipe==1.2.2\n"
    answer = judged(tmp_path, {"requirements.txt": text}, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize("marker", HERE)
def test_a_marker_that_does_not(marker: str, tmp_path: Path) -> None:
    assert not markers.elsewhere(marker)
    text = f"mediapipe==0.10.9{marker and '; '}{marker}\n"
    answer = judged(tmp_path, {"requirements.txt": text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        "mediapipe @ https://example.org/mediapipe-0.10.9-cp38-cp38-linux_aarch64.whl ; {}",
        "./wheels/mediapipe-0.10.9-cp38-cp38-linux_aarch64.whl ; {}",
        "mediapipe @ git+https://example.org/mediapipe ; {}",
        "git+https://example.org/someone/mediapipe.git@main ; {}",
    ],
)
def test_wheels_and_addresses_have_markers_too(text: str, tmp_path: Path) -> None:
    other = {"requirements.txt": text.format("platform_machine == 'x86_64'") + "\nmediapipe==1.2.2"}
    answer = judged(tmp_path, other, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)
    here = {"requirements.txt": text.format("platform_machine == 'aarch64'")}
    answer = judged(tmp_path / "2", here, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)


X86, ARM = "platform_machine == 'x86_64'", "platform_machine == 'aarch64'"
GROUPS = ('groups = ["main", "dev"]\n', "")


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize(
    ("markers_of", "status"),
    [
        (f'{{main = "{X86}", dev = "{X86}"}}', "ok"),
        (f"{{main = \"{X86} and extra == 'a'\", dev = \"{X86} or os_name == 'nt'\"}}", "ok"),
        (f'{{main = "{X86}", dev = "{ARM}"}}', "bad"),
        (f'{{main = "{X86}", dev = "python_version < \'3.11\'"}}', "bad"),
    ],
)
def test_markers_of_groups(tmp_path: Path, groups: str, markers_of: str, status: str) -> None:
    text = (
        '[[package]]\nname = "mediapipe"\nversion = "0.10.9"\n'
        f"{groups}markers = {markers_of}\n"
        f'[[package]]\nname = "mediapipe"\nversion = "1.2.2"\nmarkers = "{ARM}"\n'
    )
    answer = judged(tmp_path, {"poetry.lock": text}, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)


def test_a_group_without_a_marker_takes_the_package_everywhere(tmp_path: Path) -> None:
    text = (
        '[[package]]\nname = "mediapipe"\nversion = "0.10.9"\n'
        f'groups = ["main", "dev"]\nmarkers = {{dev = "{X86}"}}\n'
    )
    answer = judged(tmp_path, {"poetry.lock": text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
