"""An image that a Dockerfile made on one of the kit's: its contract checked, written as a build."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from docker.models.images import Image

from jetson_kit import __version__
from jetson_kit.build import image_config, manifest, smoke
from jetson_kit.build import plan as planning
from jetson_kit.build.image_labels import LABELS
from jetson_kit.build.kit_layers import MODELS
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine, oci, owned
from jetson_kit.core import output_folder
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.core.reasons import why

NEEDED = ("target", "socs", "mediapipe", "wheel.sha256")
USER = re.compile(r"[1-9][0-9]*(:[1-9][0-9]*)?")
PLAN, STATUS = "etc/mediapipe-jetson/plan.json", "var/lib/dpkg/status"
LARGEST = 16 << 20
CURE = (
    "build it FROM an image of the kit's, and leave its user, PATH and health check (docs/app.md)"
)


def write(reference: str, progress: Progress) -> Path:
    """Write a local image as `./inv build` writes its own, started once; return the folder.

    Raises BadInputError with all that keeps it from being one of the kit's, DiskFullError,
    StepFailedError if it does not infer.
    """
    image = engine.image(reference)
    if image is None:
        raise BadInputError(f"there is no image {reference} here", "build or load it first")
    if result := faults(image.attrs):
        raise BadInputError(f"{reference} can't be released: {'; '.join(result)}", CURE)
    plan = _plan(reference, image)
    output_folder.check(plan.output)
    output_folder.check_room(plan.output)
    facts = _files(image)
    started = smoke.start(plan, str(image.id), progress)
    with output_folder.replaced(plan.output) as folder:
        with progress.step("layers", "layers out of the engine, compressed"):
            blobs = oci.blobs(
                engine.diff_ids(image),
                lambda requested, keep: engine.save_layers(image, requested, keep),
            )
        output_folder.check_room(folder, sum(blob.size for blob in blobs))
        config = oci.config_of(image.attrs, image.history())
        name = f"{plan.name}.oci.tar"
        with progress.step("archive", f"OCI archive {name}"):
            digest = oci.write_archive(folder / name, config, blobs, plan.tag, {})
        archive = {
            "file": name,
            "size": (folder / name).stat().st_size,
            "digest": digest,
            "config": oci.digest(config),
            "layers": [
                {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size}
                for blob in blobs
            ],
        }
        body = _manifest(plan, image, facts, archive, sum(blob.unpacked for blob in blobs), started)
        write_text(folder / MANIFEST, json.dumps(body, indent=1) + "\n")
    return plan.output


def faults(attrs: Mapping[str, Any]) -> list[str]:
    """Return what keeps an inspected image from running as a board runs the kit's."""
    config = attrs["Config"]
    labels = config.get("Labels") or {}
    if attrs["Architecture"] != "arm64":
        return [f"it is for {attrs['Architecture'] or 'no processor that it names'}, not arm64"]
    if lacking := [name for name in NEEDED if f"{LABELS}.{name}" not in labels]:
        return [f"it is not made from an image of the kit's: no label {LABELS}.{lacking[0]}"]
    result = []
    if labels[f"{LABELS}.target"] == "native":
        result.append("it is made from an image for no board")
    user = str(config.get("User") or "root")
    if not USER.fullmatch(user):
        result.append(f"it runs as {user}, and must as a number other than 0 (USER 10001:10001)")
    env = dict(row.partition("=")[::2] for row in config.get("Env") or ())
    usual = image_config.data()["env"]
    first = str(usual["PATH"]).partition(":")[0]
    if first not in env.get("PATH", "").split(":"):
        result.append(f"its PATH lacks {first}")
    name = "MEDIAPIPE_JETSON_MODELS"
    if env.get(name) != usual[name]:
        result.append(f"its {name} is not {usual[name]}")
    if (config.get("Healthcheck") or {}).get("Test", ["NONE"])[:1] == ["NONE"]:
        result.append("it has no health check, by which rollouts judge")
    return result


def _plan(reference: str, image: Image) -> BuildPlan:
    """Return what the image is for, under a name of its own."""
    labels = image.labels
    usual = planning.make(
        Request(jetson=True, l4t=labels[f"{LABELS}.target"].removeprefix("r"), require_gpu=False)
    )
    parts = labels[f"{LABELS}.socs"].split()
    socs = tuple(soc for soc in usual.socs if soc.id in parts)
    slug = re.sub(r"[^a-z0-9_.-]+", "-", reference.partition("@")[0].lower())
    name = slug[-100:].strip("-._")
    tag = f"{planning.REPOSITORY}:{name}"
    return replace(usual, name=name, tag=tag, socs=socs, output=ROOT / "dist" / name)


def _files(image: Image) -> dict[str, bytes]:
    """Return the image's own documents, read without starting anything of it."""
    result = {}
    container = engine.client().containers.create(
        str(image.id), command=["true"], labels=owned.labels()
    )
    try:
        for path in (PLAN, STATUS, f"{MODELS}/manifest.json"):
            try:
                chunks, _ = container.get_archive(f"/{path}")
                raw = b"".join(chunks)
                with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                    stream = archive.extractfile(archive.next() or "")
                    result[path] = stream.read(LARGEST) if stream else b""
            except (NotFound, APIError, KeyError, tarfile.TarError) as error:
                raise BadInputError(f"the image has no /{path}", CURE) from error
    finally:
        container.remove(force=True)
    return result


def _manifest(
    plan: BuildPlan,
    image: Image,
    files: Mapping[str, bytes],
    archive: Mapping[str, Any],
    unpacked: int,
    started: smoke.FirstStart,
) -> dict[str, Any]:
    try:
        own = json.loads(files[PLAN])
        models = json.loads(files[f"{MODELS}/manifest.json"])["models"]
        body = {
            "schema": manifest.SCHEMA,
            "kit": __version__,
            "inputs": oci.digest(str(image.id).encode()),
            "plan": {**own, "name": plan.name, "tag": plan.tag},
            "image": {
                "tag": plan.tag,
                "id": archive["config"],
                "architecture": plan.arch,
                "size": unpacked,
            },
            "archive": dict(archive),
            "wheel": {
                "file": own["mediapipe"]["source"],
                "sha256": image.labels[f"{LABELS}.wheel.sha256"],
            },
            "debian": _debian(files[STATUS].decode("utf-8", "replace")),
            "python": started.distributions,
            "models": {row["file"]: row["sha256"] for row in models},
            "first_start": started.as_json(),
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError(f"the image's own documents are damaged: {why(error)}", CURE) from error
    manifest.check(body)
    return body


def _debian(status: str) -> list[list[str]]:
    """Return (name, version, architecture) of what dpkg's status says is installed."""
    rows = []
    for stanza in status.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in stanza.splitlines() if line[:1] != " ")
        if "Package" in fields:
            rows.append([fields.get(key, "") for key in ("Package", "Version", "Architecture")])
    return sorted(rows)
