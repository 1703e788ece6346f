"""How an application's container runs on a board: by `docker run`, and in the fleet's service."""

from __future__ import annotations

import json
import shlex
import tomllib
from typing import Any

from jetson_kit import service
from jetson_kit.app.settings import App

FILE = "service.yml"


def options(app: App) -> list[str]:
    """Return what `docker run` is given beyond the kit's own: devices, ports, volumes."""
    rows = (("device", app.service.devices), ("publish", app.service.ports),
            ("volume", app.service.volumes))  # fmt: skip
    return [f"--{name}={value}" for name, values in rows for value in values]


def run_line(app: App, tag: str) -> str:
    """Return a command that runs the application on a board, with the least rights."""
    # The groups that own the nodes are the board's own, which its shell finds out.
    groups = [
        f'--group-add "$(stat -c %g {shlex.quote(node)})"'
        for node in ("/dev/nvmap", *app.service.devices)
    ]
    words = [
        *"docker run --rm --init --runtime nvidia --read-only --tmpfs /tmp".split(),
        *"--cap-drop ALL --security-opt no-new-privileges --network".split(),
        app.service.network_mode,
    ]
    return " ".join([*words, *groups, *map(shlex.quote, options(app)), tag])


def variables(app: App) -> dict[str, Any]:
    """Return variables for the role `service`: the image's own command runs, not `sleep`."""
    own = tomllib.loads(service.DATA.read_text(encoding="utf-8"))["container"]
    nodes = [*service.node_patterns(), *app.service.devices]
    return {
        # Empty: what runs is in the image, so that it changes and goes back with the image.
        "service_container": {**own, "command": [], "network": app.service.network_mode},
        "service_extra_options": options(app),
        "service_device_nodes": nodes,
    }


def variables_file(app: App) -> str:
    """Return those variables as a file for an inventory's group_vars (JSON is YAML)."""
    head = (
        f"# How the service runs {app.name}: copy it into group_vars of the boards that run it.\n"
    )
    return head + json.dumps(variables(app), indent=1) + "\n"
