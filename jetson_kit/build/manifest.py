"""The build manifest: the contract between whoever built an image and whoever runs it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jetson_kit import __version__
from jetson_kit.core.paths import SCHEMAS

if TYPE_CHECKING:
    # A controller reads manifests by the names here, and builds nothing: it starts without these.
    from jetson_kit.app.source.model import Built
    from jetson_kit.build.image_write import Written
    from jetson_kit.build.parts import Parts
    from jetson_kit.build.plan import BuildPlan

SCHEMA = "mediapipe-jetson-kit/build/1"
SCHEMA_FILE = SCHEMAS / "build.schema.json"


def document(
    plan: BuildPlan,
    parts: Parts,
    written: Written,
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
            "id": written.archive["config"],
            "architecture": plan.arch,
            "size": written.unpacked,
        },
        "archive": written.archive,
        "wheel": {"file": parts.wheel.name, "sha256": parts.wheel_sha256},
        "debian": [list(row) for row in parts.packages],
        "python": {item.name: item.version for item in parts.installed},
        "models": dict(parts.models),
        **({"engines": dict(parts.engines)} if plan.engines else {}),
        **({"from_source": [_source(item) for item in parts.built]} if parts.built else {}),
        **({"below_code": parts.below_code} if parts.code else {}),
        "first_start": written.first_start.as_json(),
    }
    check(json.loads(json.dumps(body)))  # as it is written: a tuple is a list there
    return body


def _source(item: Built) -> dict[str, Any]:
    """Return what was built from which source."""
    source = item.source
    content = {"commit": source.commit} if source.commit else {"sha256": source.sha256}
    return {
        "name": source.name,
        "version": source.version,
        "from": source.filename or source.origin,
        **content,
        "wheel": item.wheel.name,
        "requires": [line.partition(" ")[0] for line in source.requires],
    }


def check(body: dict[str, Any]) -> None:
    """Raise jsonschema's ValidationError for what is no manifest."""
    import jsonschema  # noqa: PLC0415 # slow, and most builds change nothing

    jsonschema.validate(body, _schema())


def check_parts(body: object, names: Sequence[str]) -> None:
    """Raise jsonschema's ValidationError unless these parts of a manifest are as they must be."""
    import jsonschema  # noqa: PLC0415 # slow, as above

    own = _schema()
    parts = {name: own["properties"][name] for name in names}
    jsonschema.validate(
        body,
        {"type": "object", "required": list(names), "properties": parts, "$defs": own["$defs"]},
    )


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded
