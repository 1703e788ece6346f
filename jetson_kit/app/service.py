"""How an application's container runs on a board: by `docker run`, and in the fleet's service."""

from __future__ import annotations

import csv
import io
import json
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from jetson_kit.app.settings import SOURCE_VARIABLE, App
from jetson_kit.service import contract as service
from jetson_kit.service.contract import Device, Service

FILE = "service.yml"
# Where Ansible reads it, beside an inventory: a file in group_vars has a group's name.
PLACE, GROUP = f"group_vars/all/{FILE}", f"group_vars/GROUP/{FILE}"
BOARD = Device(nvidia_runtime=True)
"""Every board has NVIDIA's runtime; the groups are its own, which it finds out itself."""
GROUP_OF = "stat -L -c %g"
"""Prints the group that owns a node, of a link the node's."""
GPU_NODE = "/dev/nvmap"
"""Its group is that of the GPU's other nodes on Jetson."""


def container(app: App) -> Service:
    """Return service.toml's container for the application: the image's own command runs.

    Without the image's digest, which only the fleet's program knows on the board.
    """
    return replace(
        service.load(), command=(), network=app.service.network_mode, environment={}
    )  # fmt: skip


def nodes(app: App) -> list[str]:
    """Return the nodes whose groups the container's user joins."""
    return [GPU_NODE, *app.service.devices]


def options(app: App) -> list[str]:
    """Return what `docker run` is given beyond the kit's own: devices, ports, volumes."""
    rows = (("device", app.service.devices), ("publish", app.service.ports),
            ("volume", app.service.volumes))  # fmt: skip
    given = [f"--{name}={value}" for name, values in rows for value in values]
    # --volume would make a folder of a socket that is not there, and keep its service from it.
    return given + [
        f"--mount=type=bind,source={socket},target={socket}" for socket in app.service.sockets
    ]


def run_line(app: App, tag: str) -> str:
    """Return a command that runs the application once on a board, with the least rights."""
    own = container(app).throwaway()
    *arguments, image = service.run_arguments(own, tag, BOARD)
    before = shlex.join(["docker", "run", "--rm", *arguments, *service.log_arguments(own)])
    # The board's shell finds out the groups.
    groups = [f'--group-add "$({GROUP_OF} {shlex.quote(node)})"' for node in nodes(app)]
    return " ".join([before, *groups, shlex.join([*options(app), image])])


def run_line_here(app: App, tag: str) -> str:
    """Return a command that runs the application's native image once on this machine.

    It gets what this machine has of its devices; where its camera is none of them, the video of
    its tests stands in.
    """
    devices = [node for node in app.service.devices if Path(node).exists()]
    sockets = [socket for socket in app.service.sockets if Path(socket).exists()]
    here = replace(
        app, service=replace(app.service, devices=tuple(devices), sockets=tuple(sockets))
    )
    own = container(app).throwaway()
    groups = tuple(sorted({Path(node).stat().st_gid for node in devices} - {0}))
    *arguments, image = service.run_arguments(own, tag, Device(nvidia_runtime=False, groups=groups))
    filmed = app.camera in devices or app.camera.startswith("rtsp") or bool(sockets)
    video = []
    if app.tests.video and not filmed:
        inside = f"/opt/{Path(app.tests.video).name}"
        row = io.StringIO()
        source = f"source={app.folder / app.tests.video}"
        csv.writer(row, lineterminator="").writerow(
            ["type=bind", source, f"target={inside}", "readonly"]
        )
        video = [f"--mount={row.getvalue()}", f"--env={SOURCE_VARIABLE}={inside}"]
    return shlex.join(["docker", "run", "--rm", *arguments, *options(here), *video, image])


def variables(app: App) -> dict[str, Any]:
    """Return variables for the role `service`: the image's own command runs, not `sleep`."""
    own = tomllib.loads(service.DATA.read_text(encoding="utf-8"))["container"]
    return {
        # Empty: what runs is in the image, so that it changes and goes back with the image.
        "service_container": {**own, "command": [], "network": app.service.network_mode},
        "service_extra_options": options(app),
        "service_device_nodes": [*service.node_patterns(), *app.service.devices],
    }


def variables_file(app: App) -> str:
    """Return those variables as a file for an inventory's group_vars (JSON is YAML)."""
    where = f"{PLACE} beside the inventory, or {GROUP}"
    head = f"# How the service runs {app.name}: {where}\n"
    return head + json.dumps(variables(app), indent=1) + "\n"
