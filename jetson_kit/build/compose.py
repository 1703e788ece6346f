"""How an application's container runs on a board, as a file of Docker Compose.

Format: Compose Specification. Out of the same table as `docker run` and the fleet's service.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

import yaml

from jetson_kit.app import service
from jetson_kit.app.settings import App
from jetson_kit.build import image_config
from jetson_kit.service import extra as service_extra
from jetson_kit.service.contract import Service

FILE = "compose.yaml"
NO_PORTS = ("none", "host")
"""Networks on which Docker publishes no port; Compose may refuse ports there."""


def files(app: App, tag: str) -> dict[str, str]:
    """Return the texts of an image's files that say how it runs on a board, by their names."""
    return {service.FILE: service.variables_file(app), FILE: text(app, tag)}


def document(app: App, tag: str) -> dict[str, Any]:
    """Return the file's contents; the groups of the board's nodes are variables in it."""
    own = service.container(app)
    given = app.service
    row: dict[str, Any] = {
        "image": tag,
        "pull_policy": "never",
        "container_name": own.name,
        "user": own.user,
        "init": own.init,
        "restart": own.restart,
        "runtime": own.runtime(service.BOARD),
        "read_only": own.read_only,
        "cap_drop": list(own.cap_drop),
        "security_opt": list(own.security_opt),
        "network_mode": own.network,
        "mem_limit": own.memory,
        "pids_limit": own.pids_limit,
        "tmpfs": [f"{path}:{flags}" for path, flags in own.tmpfs.items()],
        "environment": own.env("", service.BOARD),
        "group_add": _groups(app),
        "devices": list(given.devices),
        "ports": [] if given.network_mode in NO_PORTS else list(given.ports),
        "volumes": [_literal(volume) for volume in _volumes(app, own)],
        "healthcheck": _health(app),
        "logging": {"driver": own.log_driver, "options": dict(own.log_options)},
    }
    filled = {key: value for key, value in row.items() if value != []}
    return {"name": app.name, "services": {"app": filled}}


def text(app: App, tag: str) -> str:
    """Return the file, with what to do on a board in its first lines."""
    body = yaml.dump(
        document(app, tag), Dumper=_Quoted, sort_keys=False, allow_unicode=True, width=10**6
    )  # fmt: skip
    return "".join(f"# {line}".rstrip() + "\n" for line in _head(app)) + body


def group_variables(app: App) -> dict[str, str]:
    """Return names of variables, each with the node whose group it must hold."""
    names = {}
    for number, node in enumerate(service.nodes(app), 1):
        word = re.sub(r"[^A-Z0-9]+", "_", node.removeprefix("/dev/").upper()).strip("_")
        names[f"GID_{number}_{word}"] = node
    return names


def _head(app: App) -> list[str]:
    folders = [
        shlex.join(["sudo", "install", "-d", "-o", str(folder.owner), "-g", str(folder.group),
                    "-m", folder.mode, folder.source])
        for folder in service.container(app).folders
    ]  # fmt: skip
    groups = [
        f'"{name}=$({service.GROUP_OF} {shlex.quote(node)})"'
        for name, node in group_variables(app).items()
    ]
    return [
        f"How Docker Compose runs {app.name} on a board. Once, in this file's folder there:",
        *(f"  {line}" for line in folders),
        f"  printf '%s\\n' {' '.join(groups)} >.env",
        "then: docker compose up -d",
        "The command is the image's own. Not beside the fleet's service: both are this container.",
    ]


def _groups(app: App) -> list[str]:
    """Return the groups as required variables.

    Leading zeros make the entries differ where two nodes have one group: Compose refuses a list
    with equal entries, and the engine reads 044 as 44.
    """
    return [
        "0" * number + f"${{{name}:?set it to what this prints: {service.GROUP_OF} {node}}}"
        for number, (name, node) in enumerate(group_variables(app).items())
    ]


def _volumes(app: App, own: Service) -> list[dict[str, Any]]:
    """Return the kit's folders and the application's; Compose makes none as root."""
    rows = [(folder.source, folder.target, False) for folder in own.folders]
    extra = service_extra.parse(service.variables(app))
    rows += [(volume.source, volume.target, not volume.writable) for volume in extra.volumes]
    return [
        {
            "type": "bind",
            "source": source,
            "target": target,
            "read_only": read_only,
            "bind": {"create_host_path": False},
        }
        for source, target, read_only in rows
    ]


def _health(app: App) -> dict[str, Any]:
    """Return the image's health check, which an engine may not take from an OCI archive."""
    image = image_config.settings({}, app)["Healthcheck"]
    keys = {"interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod"}
    times = {key: f"{image[name] // image_config.NS}s" for key, name in keys.items()}
    return {
        "test": [word.replace("$", "$$") for word in image["Test"]],
        **times,
        "retries": image["Retries"],
    }


def _literal(row: dict[str, Any]) -> dict[str, Any]:
    """Return a table whose texts Compose takes as they are: it would replace $NAME."""
    return {
        key: value.replace("$", "$$") if isinstance(value, str) else value
        for key, value in row.items()
    }


class _Quoted(yaml.SafeDumper):
    """Writes every text in double quotes: YAML 1.1 and 1.2 disagree on what a bare word is."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 # as in PyYAML
        """Write repeated values in full, without aliases."""
        return True


def _quoted(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')


_Quoted.add_representer(str, _quoted)
