"""Videos and a photograph that make the models run: OpenCV's samples, out of Debian's opencv-doc.

They are fetched when they are asked for and never handed on: each has a licence of its own.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import locked, sha256_file, written_aside
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import deb_file

PACKAGE, SUITE = "opencv-doc", "bookworm"
FOLDER = "./usr/share/doc/opencv-doc/examples/data"
SHA256 = {
    # 270 frames of 720x528 with a face in nearly every one.
    "Megamind.avi": "0057387cb7e75c8fd1663b62cfdc51fa53f527795d0fe3c1fea2fd159d3130b5",
    # A photograph with a hand and a pose.
    "messi5.jpg": "1d570e49654e84c7a943918537bd9e5e1ef82920152e147c834006e235be97c9",
    # The same as Megamind.avi, damaged: some frames can't be decoded as they were.
    "Megamind_bugy.avi": "b82dd32d5444031d1a46a133e7554be7b80c54d12e3503a1b1332a540218e22c",
    # 795 frames of 768x576 of a street.
    "vtest.avi": "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
}
# The package's HTML pages need these; its samples don't.
NOT_NEEDED = ("libjs-jquery", "libjs-mathjax")


def fetch(name: str) -> Path:
    """Return a sample's file, kept in the cache.

    Raises BadInputError for another name, IntegrityError for other bytes, and what debian.fetch
    raises.
    """
    if name not in SHA256:
        raise BadInputError(f"no sample {name!r}", f"choose one of {', '.join(SHA256)}")
    folder = cache_dir("samples")
    with locked(cache_dir("locks") / "samples.lock", lambda: None):
        if not _intact(folder / name):
            _unpack(folder)
        if not _intact(folder / name):
            raise IntegrityError(
                f"{PACKAGE} has another {name} than the pinned one", "correct sample_videos.py"
            )
    return folder / name


def _intact(path: Path) -> bool:
    return path.is_file() and sha256_file(path) == SHA256[path.name]


def _unpack(folder: Path) -> None:
    arch = host_arch()
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
        for name in NOT_NEEDED
    )
    place = cache_dir("apt", f"samples-{arch}")
    debs = debian.fetch((PACKAGE,), suite=SUITE, arch=arch, folder=place, status=status)
    (deb,) = (deb for deb in debs if deb.name == PACKAGE)
    with tarfile.open(fileobj=io.BytesIO(deb_file.files_tar(deb))) as archive:
        for name in SHA256:
            source = archive.extractfile(f"{FOLDER}/{name}")
            if source is None:
                raise IntegrityError(f"{PACKAGE} has no {name}", "correct sample_videos.py")
            with written_aside(folder / name) as part, part.open("wb") as target:
                shutil.copyfileobj(source, target)
    # Package and lists are large, and nothing else of them is wanted.
    shutil.rmtree(place)
