"""The configuration of the image on the kit's own base: docker/image.toml, labels, layers.

Format: OCI image specification 1.1 (config), with Docker's `Healthcheck` beside it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from jetson_kit.app.settings import HOME, App
from jetson_kit.containers.oci import CREATED
from jetson_kit.core.paths import ROOT

DATA = ROOT / "docker" / "image.toml"
NS = 1_000_000_000


def data() -> dict[str, Any]:
    """Return docker/image.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def order() -> tuple[str, ...]:
    """Return the names of all layers from the lowest up, a user's application's last."""
    facts = data()
    return (*facts["layers"], *facts["application_layers"])


def settings(
    labels: Mapping[str, str], app: App | None = None, variant: str = "runtime"
) -> dict[str, Any]:
    """Return the `config` object: what a container of the image runs as, and with what."""
    facts = data()
    facts["env"] |= facts["variant_env"].get(variant, {})
    health = facts["healthcheck"]
    if app:
        health = {**health, **app.health.of_engine}
        facts |= {"env": {**facts["env"], **app.variables}, "cmd": list(app.command)}
        facts["working_dir"] = f"/{HOME}"
    return {
        "User": facts["user"],
        "Env": [f"{name}={value}" for name, value in facts["env"].items()],
        "Entrypoint": facts["entrypoint"],
        "Cmd": facts["cmd"],
        "WorkingDir": facts["working_dir"],
        "Labels": dict(labels),
        "Healthcheck": {
            "Test": ["CMD", *health["command"]],
            "Interval": health["interval_s"] * NS,
            "Timeout": health["timeout_s"] * NS,
            "StartPeriod": health["start_period_s"] * NS,
            "Retries": health["retries"],
        },
    }


def config_bytes(
    arch: str,
    labels: Mapping[str, str],
    layers: Sequence[tuple[str, str]],
    app: App | None = None,
    variant: str = "runtime",
) -> bytes:
    """Return the image's configuration; `layers` are (name in docker/image.toml, diff id)."""
    body = {
        "architecture": arch,
        "os": "linux",
        "created": CREATED,
        "config": settings(labels, app, variant),
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": CREATED, "created_by": f"ADD {name} /"} for name, _ in layers],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
