"""What a program opens by a fixed name and its container does not have is told before the build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import imports, opened, settings, tree
from jetson_kit.app.settings import App

IMPORTS = "import cv2, logging, os, serial, sqlite3, smbus2, numpy as np, mediapipe as mp\n"


@pytest.fixture
def app(tmp_path: Path) -> App:
    for name in ("app.py", "here.json", "src/config.yaml", "data/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return settings.load(tmp_path)


def told(app: App, text: str) -> list[str]:
    (app.folder / "app.py").write_text(IMPORTS + text)
    files = tree.read(app)
    return list(opened.warnings(app, files, imports.program(app, files.entries)))


@pytest.mark.parametrize(
    ("text", "node", "cure"),
    [
        ("cv2.VideoCapture(0)", "/dev/video0", 'camera = "/dev/video0"'),
        ("cap = cv2.VideoCapture(2, cv2.CAP_V4L2)", "/dev/video2", 'camera = "/dev/video2"'),
        ("cv2.VideoCapture('/dev/video1')", "/dev/video1", 'camera = "/dev/video1"'),
        ("serial.Serial('/dev/ttyUSB0', 9600)", "/dev/ttyUSB0", 'devices = ["/dev/ttyUSB0"]'),
        ("serial.Serial(port='/dev/ttyTHS1')", "/dev/ttyTHS1", 'devices = ["/dev/ttyTHS1"]'),
        ("with smbus2.SMBus(1) as bus:\n    pass", "/dev/i2c-1", 'devices = ["/dev/i2c-1"]'),
        ("open('/dev/gpiochip0', 'rb')", "/dev/gpiochip0", 'devices = ["/dev/gpiochip0"]'),
    ],
)
def test_a_device_that_jetson_toml_lacks(app: App, text: str, node: str, cure: str) -> None:
    (line,) = told(app, text)
    assert line.startswith(f"app.py, line 2 ({node}): jetson.toml gives the container no such")
    assert cure in line
    for own in (node, f"/dev/./{node[5:]}"):
        given = replace(app, service=replace(app.service, devices=(own,)))
        assert told(given, text) == []


def test_a_second_camera_is_a_device(app: App) -> None:
    filming = replace(app, camera="csi://0")
    (line,) = told(filming, "cv2.VideoCapture(0)")
    assert 'devices = ["/dev/video0"] under [service]' in line


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("open('out.csv', 'a')", "out.csv"),
        ("with open('here.json', mode='w') as file:\n    pass", "here.json"),
        ("open('data/a.txt', 'r+')", "data/a.txt"),
        ("logging.basicConfig(level=1, filename='door.log')", "door.log"),
        ("logging.FileHandler('logs/door.log')", "logs/door.log"),
        ("os.makedirs('captures', exist_ok=True)", "captures"),
        ("sqlite3.connect('door.db')", "door.db"),
        ("cv2.imwrite('last.jpg', x)", "last.jpg"),
        ("cv2.VideoWriter('out.mp4', 1, 30, (640, 480))", "out.mp4"),
    ],
)
def test_a_file_that_is_written_beside_the_program(app: App, text: str, name: str) -> None:
    (line,) = told(app, text)
    assert line.startswith(f"app.py, line 2 ({name}): /app is read-only in the container; ")
    folder = f"/app/{Path(name).parent}" if "/" in name else f"/app/{name}"
    given = replace(app, service=replace(app.service, volumes=(f"/var/lib/door:{folder}",)))
    assert told(given, text) == []


@pytest.mark.parametrize(
    ("text", "name", "cure"),
    [
        ("open('config.yaml')", "config.yaml", "the image has it as /app/src/config.yaml"),
        ("open('./model.bin', 'rb')", "./model.bin", "put it into the folder"),
        ("np.load('faces.npy')", "faces.npy", "put it into the folder"),
        ("Base(model_asset_path='face.task')", "face.task", "put it into the folder"),
        ("mp.tasks.BaseOptions(model_asset_path='m/a.task')", "m/a.task", "put it into"),
    ],
)
def test_a_file_that_the_image_lacks(app: App, text: str, name: str, cure: str) -> None:
    (line,) = told(app, text)
    assert line.startswith(f"app.py, line 2 ({name}): not in /app, where the command starts; ")
    assert cure in line


def test_a_file_that_stays_out_is_told_as_such(app: App) -> None:
    (app.folder / "secrets.json").touch()
    (line,) = told(app, "open('secrets.json')")
    assert 'looks like a secret: write include = ["secrets.json"] in jetson.toml' in line
    (line,) = told(replace(app, ignore=("*.json",)), "open('here.json')")
    assert "the image leaves it out: ignore in jetson.toml" in line


@pytest.mark.parametrize(
    "text",
    [
        "open('here.json')",
        "open('data/../here.json')",
        "os.makedirs('data', exist_ok=True)",
        "open('/tmp/out.csv', 'w')",
        "open(name, 'w')",
        "open(f'{name}.csv', 'w')",
        "open('out.csv', mode)",
        "sqlite3.connect(':memory:')",
        "sqlite3.connect('file::memory:?cache=shared', uri=True)",
        "try:\n    open('config.json')\nexcept FileNotFoundError:\n    pass",
        "try:\n    open('out.csv', 'w')\nexcept OSError:\n    pass",
        "if os.path.exists('config.json'):\n    open('config.json')",
        "if not os.path.exists('config.json'):\n    raise SystemExit(1)\nopen('config.json')",
        "def save():\n    open('out.csv', 'w')",
        "os.chdir('/data')\nopen('out.csv', 'w')",
        "open('../x.csv', 'w')",
        "open(0)",
        "open('/dev/null', 'w')",
        "open('/dev/shm/x', 'w')",
        "cv2.VideoCapture(camera)",
        "cv2.VideoCapture('video.mp4')",
        "cv2.VideoCapture(os.environ.get('CAMERA', 0))",
        "parser.add_argument('--port', default='/dev/ttyUSB0')",
        "if args.camera:\n    cv2.VideoCapture(0)",
        "webbrowser.open('index.html')",
        "image.open('x.png')",
        "BaseOptions(model_asset_path=path)",
        "logging.basicConfig(level=logging.INFO)",
    ],
)
def test_what_is_there_or_may_vary_is_not_told(app: App, text: str) -> None:
    assert told(app, text) == []


def test_where_the_command_goes_elsewhere_files_are_not_judged(app: App) -> None:
    moved = replace(app, command=("env", "-C", "/data", "python3", "/app/app.py"))
    assert told(moved, "open('out.csv', 'w')\nopen('config.yaml')") == []
