"""`build`: an image from one command."""

from __future__ import annotations

import json as json_format
from dataclasses import replace
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Folder, OutputFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={
        "l4t": kinds.L4T,
        "module": kinds.MODULE,
        "for_": kinds.SSH,
        "python": kinds.PYTHON,
        "mediapipe": kinds.MEDIAPIPE,
        "base": kinds.IMAGE,
        "engines": kinds.engines,
        "variant": kinds.VARIANT,
        "output": OutputFolder(),
        "push": kinds.IMAGE,
        "app": Folder(),
    },
    help={
        "jetson": "an arm64 image for Jetson boards (without: for this machine)",
        "l4t": "L4T release or JetPack: 36.4.4, r36, jetpack6.2 (default: the table's)",
        "module": "only for this module, such as xavier-nx (default: all of the release)",
        "for": "read release and module from a board: user@host",
        "python": "3.11 (default) or 3.13; with --base what that image has",
        "mediapipe": "MediaPipe version (default: the newest whose audit passes)",
        "require-gpu": "refuse a wheel without GPU (default where the board can)",
        "allow-cpu": "take a CPU-only wheel even where the board could have better",
        "base": "debian (default), ngc, or any image reference",
        "engines": "TensorRT engines: store (of engines.build), a folder, or onnx (boards build)",
        "camera": "with GStreamer, for CSI, USB and network cameras (docs/cameras.md)",
        "variant": "runtime (default), emulated (Mesa's software drivers) or dev (pip, venv, bash)",
        "output": "folder to write instead of dist/TARGET",
        "app": "a folder with app.py, whose application goes into the image (docs/app.md)",
        "no-emulation": "refuse packages of the application that emulation would compile",
        "no-start": "leave out the first start, in which the image infers once",
        "push": "push the image under this reference",
        "refresh": "the newest Debian packages, not the locked ones",
        "plan": "print what would be done and stop",
        "json": "print the plan or the manifest as JSON",
    },
)
def build(
    c: Context,
    jetson: bool = False,
    l4t: str = "",
    module: str = "",
    for_: str = "",
    python: str = "",
    mediapipe: str = "",
    require_gpu: bool = False,
    allow_cpu: bool = False,
    base: str = "",
    engines: str = "",
    camera: bool = False,
    variant: str = "runtime",
    output: Path | None = None,
    no_emulation: bool = False,
    no_start: bool = False,
    push: str = "",
    app: Path | None = None,
    refresh: bool = False,
    plan: bool = False,
    json: bool = False,
) -> None:
    """Build the image, write dist/TARGET/ and start it once. Example: ./inv build --jetson."""
    from jetson_kit.app import settings
    from jetson_kit.build import base_image, images
    from jetson_kit.build import plan as planning
    from jetson_kit.build import view as build_view
    from jetson_kit.build.request import Request
    from jetson_kit.core import log, output_folder
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.core.machine import host_arch
    from jetson_kit.core.progress import Progress
    from jetson_kit.targets import detect as device_facts
    from jetson_kit.wheels import pins as wheels

    del c
    if require_gpu and allow_cpu:
        raise BadInputError("--require-gpu and --allow-cpu exclude each other", "give one of them")
    if for_:
        l4t, module = device_facts.target_of(for_, l4t=l4t, module=module)
    chosen = settings.load(app) if app else None
    request = Request(
        jetson=jetson,
        l4t=l4t,
        module=module,
        python=python,
        base=base or "debian",
        camera=camera,
        variant=variant,
        mediapipe=mediapipe,
        require_gpu=False if allow_cpu else (True if require_gpu else None),
        output=str(output or ""),
        engines=engines,
        app=chosen,
    )
    request = planning.by_target(request, of_board=bool(for_))
    other = base not in ("", "debian", "ngc") and not request.python
    newest_first, arch = wheels.pythons()[::-1], "arm64" if jetson else host_arch()
    looked = base_image.python_of(base, newest_first, arch) if other else ""
    request = replace(request, base_python=looked)
    planned = planning.make(request)
    output_folder.check(planned.output)
    if plan:
        if json:
            print(json_format.dumps(planned.as_json(), indent=1))
        else:
            build_view.show_plan(planned)
        return
    if not planned.looked:
        there = base_image.fetched_python(base, newest_first, arch)
        planned = planning.make(replace(request, base_python=there))
    progress = Progress()
    if not json and log.shows_steps():
        build_view.show_plan(planned)
    built = images.build(
        planned, progress, refresh=refresh, first_start=not no_start, emulation=not no_emulation
    )
    if push:
        images.push(planned, push, progress)
    if json:
        print(json_format.dumps(built.manifest, indent=1))
    else:
        build_view.show_built(built, planned)
