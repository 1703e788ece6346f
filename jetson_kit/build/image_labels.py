"""The labels of an image: what it is for and what is in it."""

from __future__ import annotations

import json

from jetson_kit import __version__
from jetson_kit.build.parts import Parts
from jetson_kit.build.plan import BuildPlan

LABELS = "io.mediapipe-jetson"


def labels(plan: BuildPlan, parts: Parts) -> dict[str, str]:
    """Return the image's labels."""
    return {
        "org.opencontainers.image.title": "MediaPipe Jetson Kit",
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": parts.base.reference or f"debian-{plan.suite}",
        f"{LABELS}.target": plan.target.name if plan.target else "native",
        f"{LABELS}.socs": " ".join(soc.id for soc in plan.socs),
        f"{LABELS}.jetpack": plan.target.jetpack if plan.target else "",
        f"{LABELS}.variant": plan.variant,
        f"{LABELS}.python": plan.python,
        f"{LABELS}.mediapipe": plan.jetson_version,
        f"{LABELS}.wheel.sha256": parts.wheel_sha256,
        f"{LABELS}.gpu": plan.verdict,
        f"{LABELS}.models": " ".join(f"{name}@{digest[:12]}" for name, digest in parts.models),
        **({f"{LABELS}.tensorrt": plan.engines.runtime.tensorrt} if plan.engines else {}),
        **application(plan),
        f"{LABELS}.tier": plan.target.tier if plan.target else "native",
        **({f"{LABELS}.note": " ".join(plan.notes)} if plan.notes else {}),
    }


def application(plan: BuildPlan) -> dict[str, str]:
    """Return the labels of an application: what its container on a board must be given."""
    if plan.app is None:
        return {}
    facts = plan.app.as_json()
    keys = ("devices", "ports", "volumes", "network")
    service = json.dumps({key: facts[key] for key in keys})
    return {f"{LABELS}.app": plan.app.name, f"{LABELS}.app.service": service}
