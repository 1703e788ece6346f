"""What an application's commands name without a folder has to be a program of the image."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest

from jetson_kit.app import image_programs, program, settings, tree
from jetson_kit.build import plan
from jetson_kit.build.request import Request
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import BadInputError


def assert_found(app: settings.App, layer: Path, fault: str) -> None:
    """Assert that what the commands start is in the image, or that `fault` is reported."""
    expected = pytest.raises(BadInputError, match=rf"^{re.escape(fault)}")
    with expected if fault else contextlib.nullcontext():
        image_programs.check_found(app, tree.read(app), "/usr/bin:/bin", [layer])


def test_a_bare_name_is_looked_for_in_the_images_layers(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "mytool").touch()
    (folder / "jetson.toml").write_text('command = ["mytool"]\n')
    app = settings.load(folder)
    files = tree.read(app)
    program.check_start(app, files)
    assert image_programs.looked_for("command", app.command) == "mytool"
    layer = tmp_path / "layer.tar"
    for name in ("usr/bin/other", "usr/bin/mytool"):
        with LayerTar(layer) as out:
            out.data(name, "x")
        if name.endswith("mytool"):
            image_programs.check_found(app, files, "/usr/bin:/bin", [layer])
        else:
            with pytest.raises(BadInputError, match="none has that name"):
                image_programs.check_found(app, files, "/usr/bin:/bin", [layer])


@pytest.mark.parametrize(("path", "good"), [
    ("/usr/bin", False), ("", False), ("/opt/mediapipe/binary", False),
    ("/opt/mediapipe/bin", True), ("/app/tools:/opt/mediapipe/bin:/usr/bin", True),
])  # fmt: skip
def test_a_path_of_its_own_keeps_the_images(tmp_path: Path, path: str, good: bool) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "jetson.toml").write_text(f'name = "a"\nenvironment.PATH = "{path}"\n')
    request = Request(jetson=True, app=settings.load(tmp_path))
    if good:
        plan.make(request)
        return
    with pytest.raises(BadInputError, match="lacks /opt/mediapipe/bin, where"):
        plan.make(request)


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ("", True),
        ("environment.PATH = '/usr/bin:/data'\n", False),
        ("service.volumes = ['/a:/data']\n", False),
    ],
)
def test_a_program_that_nothing_of_the_image_has(
    tmp_path: Path, more: str, *, refused: bool
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").touch()
    (folder / "jetson.toml").write_text(f'command = ["gunicorn", "app:app"]\n{more}')
    app = settings.load(folder)
    layer = tmp_path / "layer.tar"
    with LayerTar(layer) as out:
        out.data("usr/bin/other", "x")
    if not refused:
        image_programs.check_found(app, tree.read(app), "/usr/bin", [layer])
        return
    with pytest.raises(BadInputError, match=r"starts gunicorn, .* none has that name$") as raised:
        image_programs.check_found(app, tree.read(app), "/usr/bin", [layer])
    assert raised.value.cure == (
        "name the package that has gunicorn: in requirements, or under [debian] in jetson.toml: "
        "packages = [...]"
    )
    with LayerTar(layer) as out:
        out.data("opt/mediapipe/bin/gunicorn", "x")
    image_programs.check_found(app, tree.read(app), "/opt/mediapipe/bin:/usr/bin", [layer])


PACKAGE = (
    "name the package that has {}: in requirements, or under [debian] in jetson.toml: packages = "
    "[...]"
)


@pytest.mark.parametrize(
    ("command", "cure"),
    [
        (["gunicorn app:app -b '0.0.0.0:80'"],
         'write its words one by one: "gunicorn", "app:app", "-b", "0.0.0.0:80"'),
        (["/usr/bin/python3 app.py"], 'write its words one by one: "/usr/bin/python3", "app.py"'),
        (["python3 -c 'it"], 'write its words one by one: "python3", "-c", "\'it"'),
        (["run now"], 'write its words one by one: "run", "now"'),
        (["my app.py"], "correct command, or write it"),
        (["say it"], PACKAGE.format("say it")),
        (["C:\\my app\\run.exe -x"], PACKAGE.format("C:\\my app\\run.exe -x")),
        *(([text], 'only a shell takes it for more than a name: write ["sh", "-c", "..."]')
          for text in ("cd lib && python3 app.py", "python3 app.py | tee log",
                       "exec python3 app.py", "DEBUG=1 python3 app.py -v", "python3 app.py > log",
                       "python3 $APP")),
        (["python3.10", "app.py"],
         'write "python3", the image\'s own; [target] python names its version'),
        (["python", "app.py"],
         'write "python3", the image\'s own; [target] python names its version'),
    ],
)  # fmt: skip
def test_what_to_write_for_a_program_that_is_not_there(
    tmp_path: Path, command: list[str], cure: str
) -> None:
    for name in ("app.py", "run"):
        (tmp_path / name).touch()
    (tmp_path / "jetson.toml").write_text(f"command = {json.dumps(command)}\n")
    with pytest.raises(BadInputError) as raised:
        app = settings.load(tmp_path)
        image_programs.check_found(app, tree.read(app), "/usr/bin", [])
    assert raised.value.cure == cure


@pytest.mark.parametrize(
    "command",
    [
        *('["selftest"]', '["--help"]', '["/app/run"]', '["nvidia-smi"]'),
        '["env", "PATH=/app/tools:/usr/bin", "mytool"]',
        '["/usr/bin/env", "A=1", "PATH=/app/tools", "mytool"]',
        '["env", "-S", "PATH=/app/tools mytool"]',
        '["env", "-SA=1 PATH=/app/tools mytool"]',
        '["env", "-i", "mytool"]',
        '["env", "-u", "PATH", "mytool"]',
    ],
)
def test_what_is_not_looked_for_on_path(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").touch()
    (folder / "jetson.toml").write_text(f"command = {command}\n")
    assert not image_programs.looked_for("command", settings.load(folder).command)


@pytest.mark.parametrize(
    "command",
    ['["env", "A=1", "mytool"]', '["env", "mytool", "PATH=/x"]', '["env", "-u", "A", "mytool"]'],
)
def test_a_program_behind_env_is_looked_for_on_path(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").touch()
    (folder / "jetson.toml").write_text(f"command = {command}\n")
    assert image_programs.looked_for("command", settings.load(folder).command) == "mytool"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('command = ["bash", "run.sh"]', "command in jetson.toml starts bash, which is looked for"),
        (
            'health.command = ["curl", "-f", "localhost"]',
            "health.command in jetson.toml starts curl",
        ),
        ('command = ["/opt/robot/run"]', "command in jetson.toml starts /opt/robot/run, which the"),
        (
            'command = ["python3.12", "app.py"]',
            "command in jetson.toml starts python3.12, which is",
        ),
        ('command = ["/bin/sh", "run.sh"]', ""),
        ('command = ["/usr/local/cuda/bin/x"]', ""),
        ('command = ["/usr/local/cuda-12.6/bin/x"]', ""),
        ('command = ["/usr/src/tensorrt/bin/trtexec"]', ""),
        ('health.command = ["/usr/bin/nvidia-smi"]', ""),
        ('health.command = ["/bin/nvidia-smi", "-L"]', ""),
        ('health.command = ["/opt/nvidia-smi"]', "health.command in jetson.toml starts /opt/nvid"),
        ('command = ["/opt/tool"]\nservice.volumes = ["/opt/tool:/opt/tool:ro"]', ""),
        ('command = ["/opt/x/../tool"]\nservice.volumes = ["/opt/tool:/opt/tool:ro"]', ""),
        (
            'command = ["/opt/tool2"]\nservice.volumes = ["/opt/tool:/opt/tool:ro"]',
            "command in jetson.toml starts /opt/tool2",
        ),
        ('command = ["/usr/lib/jvm/default-java/bin/java"]', ""),
        ('command = ["/usr/lib/jvm/java/bin/java"]', ""),
        ('command = ["/usr/lib/jvm/default-java/bin/javac"]', "command in jetson.toml starts /us"),
        (
            'command = ["/usr/lib/jvm/circle/bin/java"]',
            "command in jetson.toml starts /usr/lib/jvm",
        ),
        ('command = ["/usr/lib/jvm/cuda/bin/nvcc"]', ""),
        ('command = ["/usr/bin/../bin/timeout"]', ""),
        ('command = ["//usr/./bin//timeout"]', ""),
        ('command = ["/usr/bin/../lib/timeout"]', "command in jetson.toml starts /usr/bin/../lib"),
        ('command = ["java"]\nenvironment.PATH = "/usr/bin:/usr/lib/jvm/java/bin"', ""),
        ('command = ["python3.11", "app.py"]', ""),
        ('health.command = ["timeout", "3", "./run.sh"]', ""),
    ],
)
def test_programs_of_both_commands_are_looked_for(tmp_path: Path, line: str, fault: str) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").touch()
    (folder / "run.sh").touch()
    (folder / "jetson.toml").write_text(f"{line}\n")
    app = settings.load(folder)
    layer = tmp_path / "layer.tar"
    with LayerTar(layer) as out:
        for name in ("sh", "python3.11", "timeout"):
            out.data(f"usr/bin/{name}", "x")
        out.data("usr/lib/jvm/java-17/bin/java", "x")
        out.link("usr/lib/jvm/default-java", "java-17")
        out.link("usr/lib/jvm/java", "/usr/lib/jvm/../jvm/default-java")
        out.link("usr/lib/jvm/circle", "circle")
        out.link("usr/lib/jvm/cuda", "../../local/cuda-12.6")
    assert_found(app, layer, fault)


@pytest.mark.parametrize(
    ("line", "more", "fault"),
    [
        ("#!/bin/bash", "", "run, which is started, has /bin/bash in its first line, which the"),
        ("#!/usr/bin/env bash", "", "run, which is started, has bash in its first line, which"),
        ("#!/usr/bin/env -S bash -e", "", "run, which is started, has bash in its first"),
        ("#! /home/me/env/bin/python3", "", "run, which is started, has /home/me/env/bin/python3"),
        ("#!/usr/bin/env bash", "service.volumes = ['/a:/data']\n", ""),
        ("#!/data/bin/bash", "service.volumes = ['/a:/data']\n", ""),
        ("#!/bin/sh -e", "", ""),
        ("#!/usr/bin/env python3.11", "", ""),
        ("\x7fELF", "", ""),
    ],
)
def test_what_runs_a_script_is_in_the_image(
    tmp_path: Path, line: str, more: str, fault: str
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "run").write_text(f"{line}\n:\n")
    (folder / "run").chmod(0o755)
    (folder / "jetson.toml").write_text(f'command = ["./run"]\n{more}')
    app = settings.load(folder)
    layer = tmp_path / "layer.tar"
    with LayerTar(layer) as out:
        for name in ("dash", "env", "python3.11"):
            out.data(f"usr/bin/{name}", "x")
        out.link("usr/bin/sh", "dash")
    assert_found(app, layer, fault)
