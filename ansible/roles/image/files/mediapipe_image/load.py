"""Give the engine the layers that it lacks, and clean up after a load that a power cut ended.

`docker load` does not open a layer whose chain (it and all below) it has: an archive that names
all layers and holds the others alone makes the whole image (Docker 20.10 to 28, own image store).
"""

import contextlib
import fcntl
import json
import subprocess
import threading
from pathlib import Path
from typing import IO, List, Mapping, Tuple, cast

from mediapipe_image import command, engine
from mediapipe_image.errors import IntegrityError, StepFailedError, ToolMissingError
from mediapipe_image.records import Record
from mediapipe_image.release import Layer, Release

# Between zstd and docker nothing is held up by small pipes: 64 KiB at a time cost a slow board more
# than the bytes do.
PIPE = 1 << 20
SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ; fcntl names it from Python 3.10
BLOCK = 512
END = bytes(2 * BLOCK)


def load(release: Release, had: int, name: str, files: Mapping[str, Path]) -> None:
    """Load an image of which the engine has the `had` lowest layers; `files` are the others.

    They are by their digests, and must have been checked.
    """
    import shutil

    if shutil.which("zstd") is None:
        raise ToolMissingError("zstd is not installed", "install it: apt-get install zstd")
    words = ["docker", "image", "load", "--quiet"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        into, out = _pipes(running)
        _widen(into)
        said: List[bytes] = []
        reader = threading.Thread(target=lambda: said.append(out.read()), daemon=True)
        reader.start()
        try:
            into.write(_head(release.config, name, len(release.layers)))
            for number, layer in enumerate(release.layers):
                if number >= had:
                    _add_layer(into, number, layer, str(files[layer.digest]))
            into.write(END)
            into.close()
        except BrokenPipeError:
            pass
        except BaseException:
            running.kill()
            raise
        code = running.wait()
        reader.join()
    if code:
        words_out = b"".join(said).decode("utf-8", "replace")
        raise command.failure(words, command.Done(code, "", words_out))


def check(release: Release) -> None:
    """Raise IntegrityError if the engine's image is not the release's."""
    found = engine.image(release.image_id)
    wanted = tuple(layer.diff_id for layer in release.layers)
    if found is None or found.diff_ids != wanted or found.architecture != release.architecture:
        raise IntegrityError(f"the engine has no whole image {release.image_id}", "run it again")


def purge(record: Record) -> None:
    """Remove what a load that a power cut ended left in the engine.

    Its layers may be registered and their files not on the disk. Such a layer can only be removed
    with an image that has it: an archive without layers makes one where they are all registered.
    """
    release = record.release
    if not engine.drop(release.image_id):
        raise StepFailedError(
            f"{release.image_id} was loaded when the power went, and a container uses it",
            "remove that container",
        )
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
        body = _head(config, name, count) + END
        done = command.ask(["docker", "image", "load", "--quiet"], 300.0, stdin=body)
        if not done.code:
            command.run(["docker", "image", "rm", name], 300.0)
            return
        if "no such file" not in done.err and "no such file" not in done.out:
            raise command.failure(["docker", "image", "load"], done)


def _pipes(running: "subprocess.Popen[bytes]") -> Tuple[IO[bytes], IO[bytes]]:
    """Return both ends of a program, as the type that they have when they are piped."""
    return cast(IO[bytes], running.stdin), cast(IO[bytes], running.stdout)


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more, where the kernel allows it."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe.fileno(), SET_PIPE_SIZE, PIPE)


def _head(config: bytes, name: str, count: int) -> bytes:
    """Return the beginning of an archive: what the image is."""
    layers = [f"{number}.tar" for number in range(count)]
    listing = [{"Config": "config.json", "RepoTags": [name], "Layers": layers}]
    rows = (("manifest.json", json.dumps(listing).encode("utf-8")), ("config.json", config))
    return b"".join(_entry(file, len(raw)) + raw + _padding(len(raw)) for file, raw in rows)


def _entry(file: str, size: int) -> bytes:
    """Return what stands before a file's bytes. By hand: tarfile copies them in small pieces."""
    import tarfile

    member = tarfile.TarInfo(file)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _add_layer(into: IO[bytes], number: int, layer: Layer, path: str) -> None:
    words = ["zstd", "--decompress", "--stdout", "--quiet", "--long=27", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
        _, stream = _pipes(tool)
        _widen(stream)
        try:
            into.write(_entry(f"{number}.tar", layer.unpacked))
            _copy(stream, into, layer)
            into.write(_padding(layer.unpacked))
            more = stream.read(1)
        except BaseException:
            tool.kill()
            raise
        if more:
            tool.kill()
        if more or tool.wait():
            raise IntegrityError(f"layer {layer.digest} is longer than signed")


def _copy(stream: IO[bytes], into: IO[bytes], layer: Layer) -> None:
    left = layer.unpacked
    while left:
        block = stream.read(min(left, PIPE))
        if not block:
            raise StepFailedError(f"layer {layer.digest} ends early")
        into.write(block)
        left -= len(block)
