"""The configuration of the image on the kit's own base: docker/image.toml, labels, layers.

Format: OCI image specification 1.1 (config), with Docker's `Healthcheck` beside it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from jetson_kit import __version__
from jetson_kit.oci import CREATED
from jetson_kit.parts import Parts
from jetson_kit.paths import ROOT
from jetson_kit.plan import BuildPlan

DATA = ROOT / "docker" / "image.toml"
NS = 1_000_000_000
LABELS = "io.mediapipe-jetson"


def data() -> dict[str, Any]:
    """Return docker/image.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def labels(plan: BuildPlan, made: Parts) -> dict[str, str]:
    """Return the image's labels."""
    return {
        "org.opencontainers.image.title": "MediaPipe Jetson Kit",
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": made.base.reference or f"debian-{plan.suite}",
        f"{LABELS}.target": plan.target.name if plan.target else "native",
        f"{LABELS}.jetpack": plan.target.jetpack if plan.target else "",
        f"{LABELS}.variant": plan.variant,
        f"{LABELS}.python": plan.python,
        f"{LABELS}.mediapipe": plan.jetson_version,
        f"{LABELS}.wheel.sha256": made.wheel_sha256,
        f"{LABELS}.gpu": plan.verdict,
        f"{LABELS}.models": " ".join(f"{name}@{digest[:12]}" for name, digest in made.models),
        **({f"{LABELS}.tensorrt": plan.engines.runtime.tensorrt} if plan.engines else {}),
        f"{LABELS}.tier": plan.target.tier if plan.target else "native",
        **({f"{LABELS}.note": " ".join(plan.notes)} if plan.notes else {}),
    }


def settings(labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the `config` object: what a container of the image runs as, and with what."""
    facts = data()
    health = facts["healthcheck"]
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


def config_bytes(arch: str, labels: Mapping[str, str], layers: Sequence[tuple[str, str]]) -> bytes:
    """Return the image's configuration; `layers` are (name in docker/image.toml, diff id)."""
    body = {
        "architecture": arch,
        "os": "linux",
        "created": CREATED,
        "config": settings(labels),
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": CREATED, "created_by": f"ADD {name} /"} for name, _ in layers],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
