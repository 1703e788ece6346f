"""What an application's command starts by another file: a script's first line, a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import image_programs, program, settings, tree
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import BadInputError


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
    if not fault:
        image_programs.check_found(app, tree.read(app), "/usr/bin:/bin", [layer])
        return
    with pytest.raises(BadInputError) as raised:
        image_programs.check_found(app, tree.read(app), "/usr/bin:/bin", [layer])
    assert raised.value.message.startswith(fault)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ('["python3", "-m", "pkg.main"]', "pkg/main.py"),
        ('["python3", "-um", "pkg"]', "pkg/__main__.py"),
        ('["env", "A=1", "python3", "-mpkg.sub"]', "pkg/sub/__main__.py"),
        ('["python3", "-m", "pkg.cli"]', ""),
        ('["python3", "-m", "other.main"]', ""),
        ('["python3", "-m", "split.main"]', ""),
        ('["python3", "-P", "-m", "pkg.main"]', ""),
        ('["env", "-C", "/opt", "python3", "-m", "pkg.main"]', ""),
        ('["python3", "-m", "pkg.main"]\nenvironment.PYTHONPATH = "lib"', ""),
        ('["python3", "-m", "pkg.main"]\nservice.volumes = ["/a:/app/pkg"]', ""),
    ],
)
def test_a_module_of_a_package_that_is_there_must_be_there(
    tmp_path: Path, command: str, missing: str
) -> None:
    for name in ("pkg/__init__.py", "pkg/cli.py", "pkg/sub/__init__.py", "split/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "split" / "__init__.py").write_text("__path__ = extend(__path__)\n")
    (tmp_path / "jetson.toml").write_text(f"command = {command}\n")
    app = settings.load(tmp_path)
    if not missing:
        program.check_start(app, tree.read(app))
        return
    with pytest.raises(BadInputError, match=rf"the image will have no {missing}$"):
        program.check_start(app, tree.read(app))
