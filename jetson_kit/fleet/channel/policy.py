"""What a channel wants of boards, as the board's program reads it (channel_policy.py there)."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import jsonschema

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.core.reasons import why
from jetson_kit.fleet.release.terms import FORMAT

SCHEMA = "mediapipe-jetson/channel/1"
FILE = "channel.json"
SCHEMA_FILE = SCHEMAS / "channel.schema.json"


@dataclass(frozen=True)
class Wave:
    """From a moment on, `share` of a hundred boards take the release."""

    share: int
    start: str


@dataclass(frozen=True)
class Policy:
    """The document channel.json."""

    release: str = ""
    """Folder of the release below the channel; "" offers none."""
    waves: tuple[Wave, ...] = ()
    canary: tuple[str, ...] = ()
    window: str = ""
    """Local time of a board in which it switches, such as 22:00-05:00; "" is always."""
    paused: bool = False
    leave: tuple[str, ...] = ()
    """Ids of images that boards go back from."""
    seed: str = ""
    stopped_image: str = ""
    """Id of the image that was offered when the channel was stopped; boards do not read it."""
    collector: str = ""
    """HTTPS address that boards report to; "" is none."""
    collector_ca: str = ""
    """Whose certificates count there (PEM); "" is all that a board knows."""

    def text(self) -> str:
        """Return the document. Raises BadInputError for what no board would take."""
        body: dict[str, Any] = {"schema": SCHEMA, **asdict(self)}
        body["waves"] = [{"share": item.share, "from": item.start} for item in self.waves]
        body = json.loads(json.dumps(body))
        try:
            jsonschema.validate(body, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
        except jsonschema.ValidationError as error:
            raise BadInputError(f"the channel's policy: {error.message[:200]}") from error
        return json.dumps(body, indent=1, sort_keys=True) + "\n"


def parse(text: str) -> Policy:
    """Return the policy of a document. Raises BadInputError."""
    try:
        body = json.loads(text)
        jsonschema.validate(body, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    except (ValueError, jsonschema.ValidationError) as error:
        raise BadInputError(f"{FILE} is no policy: {why(error)}") from error
    return Policy(
        body["release"],
        tuple(Wave(row["share"], row["from"]) for row in body["waves"]),
        tuple(body["canary"]),
        body["window"],
        body["paused"],
        tuple(body["leave"]),
        body["seed"],
        body.get("stopped_image", ""),
        body.get("collector", ""),
        body.get("collector_ca", ""),
    )


def waves(shares: Sequence[int], first: datetime.datetime, step_h: float) -> tuple[Wave, ...]:
    """Return waves that begin one after another. Raises BadInputError unless shares grow."""
    if list(shares) != sorted(set(shares)):
        raise BadInputError("the shares of the waves do not grow", "write them like 5,25,100")
    return tuple(
        Wave(share, (first + datetime.timedelta(hours=number * step_h)).strftime(FORMAT))
        for number, share in enumerate(shares)
    )


def stopped(policy: Policy, image_id: str) -> Policy:
    """Return a policy that offers nothing more; `image_id` is what it offered last, or ""."""
    return replace(policy, release="", waves=(), canary=(), stopped_image=image_id)


def rolled_back(policy: Policy, image_id: str) -> Policy:
    """Return a policy that offers nothing more, and that boards leave an image by."""
    others = (item for item in policy.leave if item != image_id)
    return replace(stopped(policy, ""), leave=(*others, image_id))
