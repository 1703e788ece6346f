"""Devices that a program opens and its container lacks, and files that it writes beside itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import calls, faults, opened, settings, tree
from jetson_kit.app.settings import App

IMPORTS = "import cv2, io, os, serial, smbus2, smbus\n"


@pytest.fixture
def app(tmp_path: Path) -> App:
    for name in ("app.py", "here.json"):
        (tmp_path / name).touch()
    return settings.load(tmp_path)


def told(app: App, text: str) -> list[str]:
    (app.folder / "app.py").write_text(IMPORTS + text)
    files = tree.read(app)
    texts = calls.sources(files.entries)
    held = calls.held(app, files.entries, texts, opened.functions(app, texts))
    return list(opened.warnings(app, files, held))


def given(app: App, *devices: str) -> App:
    return replace(app, service=replace(app.service, devices=devices))


def cure(line: str) -> list[str]:
    """Return the devices that a line says to write, which the schema takes."""
    match = re.search(r"devices = (\[.*\]) under \[service\]", line)
    assert match
    devices: list[str] = json.loads(match[1])
    assert faults.of({"service": {"devices": devices}}, "") == []
    return devices


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("cv2.VideoCapture(0)", "/dev/video0"),
        ("cap = cv2.VideoCapture(63, cv2.CAP_V4L2)", "/dev/video63"),
        ("cv2.VideoCapture(index=2, apiPreference=cv2.CAP_V4L)", "/dev/video2"),
        ("cv2.VideoCapture('/dev/video1')", "/dev/video1"),
        ("serial.Serial('/dev/ttyUSB0', 9600)", "/dev/ttyUSB0"),
        ("serial.Serial(baudrate=9600, port='/dev//ttyTHS1')", "/dev/ttyTHS1"),
        ("with smbus2.SMBus(1) as bus:\n    pass", "/dev/i2c-1"),
        ("smbus.SMBus(bus=7)", "/dev/i2c-7"),
    ],
)
def test_a_device_that_jetson_toml_lacks(app: App, text: str, node: str) -> None:
    (line,) = told(app, text)
    assert line == (
        f"app.py, line 2 ({node}): where the program reaches it, it opens a device that "
        "jetson.toml does not give the container; name those that the board has: "
        f'devices = ["{node}"] under [service]'
    )
    assert cure(line) == [node]
    assert told(given(app, f"/dev/./{node[5:]}"), text) == []


def test_the_cure_keeps_what_is_set_and_names_all(app: App) -> None:
    text = "".join(f"cv2.VideoCapture({number})\n" for number in (3, 0, 3, 4, 5))
    (line,) = told(given(app, "/dev/ttyTHS1", "/dev/video4"), text)
    assert cure(line) == [
        "/dev/ttyTHS1",
        "/dev/video4",
        "/dev/video3",
        "/dev/video0",
        "/dev/video5",
    ]
    assert "; and 1 more" in line
    filming = replace(given(app, "/dev/snd", "/dev/video4"), camera="/dev/video4")
    (line,) = told(filming, text)
    assert cure(line) == ["/dev/snd", "/dev/video3", "/dev/video0", "/dev/video5"]
    (line,) = told(app, "serial.Serial('/dev/pci-0:1')\ncv2.VideoCapture(0)")
    assert cure(line) == ["/dev/video0"]
    full = [f"/dev/ttyUSB{number}" for number in range(64)]
    assert told(given(app, *full), text) == []


@pytest.mark.parametrize(
    "text",
    [
        "cv2.VideoCapture(camera)",
        "cv2.VideoCapture(64)",
        "cv2.VideoCapture(200)",
        "cv2.VideoCapture(-1)",
        "cv2.VideoCapture(True)",
        "cv2.VideoCapture(0.0)",
        "cv2.VideoCapture()",
        "cv2.VideoCapture(0, cv2.CAP_DSHOW)",
        "cv2.VideoCapture(0, apiPreference=cv2.CAP_MSMF)",
        "cv2.VideoCapture(0, *more)",
        "cv2.VideoCapture(*more)",
        "cv2.VideoCapture('video.mp4')",
        "serial.Serial('COM3')",
        "serial.Serial()",
        "serial.Serial(0)",
        "serial.Serial('/dev/serial/by-path/pci-0:1')",
        "serial.Serial('/dev/../etc/passwd')",
        "serial.Serial('/dev/a b')",
        "serial.Serial('/dev/')",
        "serial.Serial('/dev/nvmap')",
        "serial.Serial('/dev/pts/3')",
        "serial.Serial('/dev/" + "x" * 300 + "')",
        "try:\n    serial.Serial('/dev/ttyUSB0')\nexcept serial.SerialException:\n    pass",
        "parser.add_argument('--port', default='/dev/ttyUSB0')",
        "open('/dev/gpiochip0', 'rb')",
    ],
)
def test_a_device_that_may_vary_or_is_there_is_not_told(app: App, text: str) -> None:
    assert told(app, text) == []


def test_a_folder_of_devices_gives_those_in_it(app: App) -> None:
    text = "serial.Serial('/dev/serial/by-id/usb-x')"
    assert told(given(app, "/dev/serial"), text) == []
    assert told(given(app, "/dev/ser"), text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("open('out.csv', 'a')", "out.csv"),
        ("with open('here.json', mode='w') as file:\n    pass", "here.json"),
        ("open('data/../a.txt', 'r+b', encoding='utf-8')", "data/../a.txt"),
        ("def save():\n    open('./logs/x', 'x')", "./logs/x"),
        ("open('~/a', 'w')", "~/a"),
    ],
)
def test_a_file_that_is_written_beside_the_program(app: App, text: str, name: str) -> None:
    (line,) = told(app, text)
    assert line.startswith(f'app.py, line {2 + text.startswith("def")} ("{name}"): where the ')
    assert "it raises OSError: /app is read-only in the container; write to /tmp" in line
    assert told(app, f"{text}\nos.chdir('/data')") == []
    moved = replace(app, command=("env", "-C", "/data", "python3", "/app/app.py"))
    assert told(moved, text) == []


def test_a_long_name_is_shortened(app: App) -> None:
    (line,) = told(app, f"open('{'x' * 5000}', 'w')")
    assert len(line) < 400


@pytest.mark.parametrize(
    "text",
    [
        "open('here.json')",
        "open('here.json', 'rb')",
        "open('none.json')",
        "open('/tmp/out.csv', 'w')",
        "open('../tmp/x.csv', 'w')",
        "open('.', 'w')",
        "open('', 'w')",
        "open(name, 'w')",
        "open(f'{name}.csv', 'w')",
        "open('out.csv', mode)",
        "open('out.csv', *more)",
        "open(*more, 'w')",
        "open('out.csv', **more)",
        "open('out.csv', 'w', opener=other)",
        "open(1, 'w')",
        "open(b'out.csv', 'w')",
        "open('a\\x00', 'w')",
        "io.open('out.csv', 'w')",
        "try:\n    open('out.csv', 'w')\nexcept OSError:\n    pass",
        "from gzip import open\nopen('out.csv', 'w')",
        "cv2.imwrite('last.jpg', x)",
        "os.makedirs('captures')",
    ],
)
def test_a_file_that_may_vary_or_is_elsewhere_is_not_told(app: App, text: str) -> None:
    assert told(app, text) == []


def test_a_volume_may_bring_the_file(app: App) -> None:
    text = "open('logs/a', 'w')"
    for target in ("/app/logs", "/app/logs/", "/app/logs/a"):
        service = replace(app.service, volumes=(f"/var/lib/door:{target}",))
        assert told(replace(app, service=service), text) == []
    service = replace(app.service, volumes=("/var/lib/door:/app/log",))
    assert told(replace(app, service=service), text)
    (app.folder / "data").mkdir()
    (app.folder / "data" / "a").touch()
    (app.folder / "logs").symlink_to("data")
    assert told(app, text) == []
