"""The build manifest: the contract between whoever built an image and whoever runs it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from docker.models.images import Image

from jetson_kit import __version__
from jetson_kit.parts import Parts
from jetson_kit.plan import BuildPlan
from jetson_kit.smoke import FirstStart

SCHEMA = "mediapipe-jetson-kit/build/1"
SCHEMA_FILE = Path(__file__).parent / "schemas" / "build.schema.json"
LABELS = "io.mediapipe-jetson"


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


def document(
    plan: BuildPlan,
    made: Parts,
    image: Image,
    archive: dict[str, Any],
    first_start: FirstStart,
    inputs: str,
) -> dict[str, Any]:
    """Return the manifest, checked against its schema."""
    body = {
        "schema": SCHEMA,
        "kit": __version__,
        "inputs": inputs,
        "plan": plan.as_json(),
        "image": {
            "tag": plan.tag,
            "id": str(image.id),
            "architecture": str(image.attrs["Architecture"]),
            "size": int(image.attrs["Size"]),
        },
        "archive": archive,
        "wheel": {"file": made.wheel.name, "sha256": made.wheel_sha256},
        "debian": [list(row) for row in made.packages],
        "python": {item.name: item.version for item in made.installed},
        "models": dict(made.models),
        **({"engines": dict(made.engines)} if plan.engines else {}),
        "first_start": first_start.as_json(),
    }
    jsonschema.validate(body, _schema())
    return body


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded
