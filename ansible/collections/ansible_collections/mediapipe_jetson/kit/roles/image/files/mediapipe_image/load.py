"""Give the engine the layers that it lacks, and clean up after a load that a power cut ended."""

import json
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, Dict, List, Mapping, Optional, cast

from mediapipe_image import archives, command, containerd, engine
from mediapipe_image.errors import IntegrityError, StepFailedError, ToolMissingError
from mediapipe_image.records import Record
from mediapipe_image.release import Release

# What decides how a container of an image runs, as the configuration and the engine name it.
SETTINGS = (
    "Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "Healthcheck", "StopSignal",
    "ExposedPorts", "Volumes", "Shell",
)  # fmt: skip


def load(
    release: Release, had: int, name: str, files: Mapping[str, Path], *, containerd: bool
) -> None:
    """Load an image of which the engine has the `had` lowest layers; `files` are the others.

    They are by their digests, and must have been checked. `containerd`: where the engine has them.
    """
    import shutil

    if containerd and not release.manifest:
        raise StepFailedError(
            f"{release.name} names no manifest, by which this engine knows images",
            "an older kit made it; make it again: ./inv fleet.release",
        )
    if not containerd and shutil.which("zstd") is None:
        raise ToolMissingError("zstd is not installed", "install it: apt-get install zstd")
    words = ["docker", "image", "load", "--quiet"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        into, out = cast(IO[bytes], running.stdin), cast(IO[bytes], running.stdout)
        archives.widen(into)
        contents: List[bytes] = []
        reader = threading.Thread(target=lambda: contents.append(out.read()), daemon=True)
        reader.start()
        try:
            if containerd:
                archives.layout(into, release, files)
            else:
                archives.classic(into, release, had, name, files)
            into.close()
        except BrokenPipeError:
            pass
        except BaseException:
            running.kill()
            raise
        code = running.wait()
        reader.join()
    words_out = b"".join(contents).decode("utf-8", "replace")
    # Docker 28 says so and ends with 0.
    if code or "error unpacking" in words_out.lower():
        if containerd:
            # It is listed, though not whole.
            engine.drop(release.manifest_digest)
        raise command.failure(words, command.Done(code, "", words_out))
    if containerd:
        engine.tag(release.manifest_digest, name)


def find(release: Release) -> Optional[engine.Image]:
    """Return the engine's image of a release, or None.

    One that was pulled into containerd has the id of the registry's manifest, so it is known by
    what it holds.
    """
    for digest in (release.image_id, release.manifest_digest):
        image = engine.image(digest)
        if image is not None:
            return image if _same(image, release) else None
    if not engine.info().containerd:
        return None
    settings = _settings(json.loads(release.config.decode("utf-8")).get("config") or {})
    for item in engine.images():
        if _same(item, release) and _settings(item.config) == settings:
            return item
    return None


def check(release: Release, why: str = "", cure: str = "") -> str:
    """Return the engine's id of a release. Raises IntegrityError if its image is not that.

    `why`: what kept it from being made whole.
    """
    result = find(release)
    if result is None:
        message = f"the engine has no whole image {release.image_id}"
        raise IntegrityError(f"{message}: {why}" if why else message, cure or "run it again")
    return result.engine_id


def _same(found: engine.Image, release: Release) -> bool:
    own = tuple(layer.diff_id for layer in release.layers)
    return found.diff_ids == own and found.architecture == release.architecture


def _settings(config: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: config[name] for name in SETTINGS if config.get(name)}


def remove(record: Record) -> bool:
    """Remove a record's image from the engine; False where a container still needs it."""
    ids = [record.engine_id]
    if record.state != "ready":
        # What the engine calls one that did not come whole was not written down.
        result = find(record.release)
        ids += [record.release.image_id, record.release.manifest_digest]
        ids += [result.engine_id] if result else []
    return all(engine.drop(item) for item in dict.fromkeys(ids))


def purge(record: Record) -> None:
    """Remove what a load that a power cut ended left in the engine.

    Its layers may be registered and their files not on the disk.
    """
    if not remove(record):
        raise StepFailedError(
            f"{record.release.image_id} was loaded when the power went, and a container uses it",
            "remove that container",
        )
    there = engine.info()
    if there.containerd:
        containerd.let_go(there)
    else:
        _purge_chain(record)


def _purge_chain(record: Record) -> None:
    """Remove layers of the classic store that no image has.

    Such a layer can only be removed with an image that has it: an archive without layers makes one
    where they are all registered.
    """
    release = record.release
    for count in range(len(release.layers), record.had, -1):
        config = json.dumps(
            {
                "architecture": release.architecture,
                "os": "linux",
                "config": {},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [layer.diff_id for layer in release.layers[:count]],
                },
            }
        ).encode("utf-8")
        name = f"mediapipe-jetson-left:{count}"
        body = archives.head(config, name, count) + archives.END
        done = command.ask(["docker", "image", "load", "--quiet"], 300.0, stdin=body)
        if not done.code:
            command.run(["docker", "image", "rm", name], 300.0)
            return
        if "no such file" not in done.err and "no such file" not in done.out:
            raise command.failure(["docker", "image", "load"], done)
