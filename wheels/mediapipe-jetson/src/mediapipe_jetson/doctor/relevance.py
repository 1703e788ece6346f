"""Which parts of a project have to do with MediaPipe: a service beside them may not."""

from __future__ import annotations

from pathlib import PurePosixPath

from mediapipe_jetson.doctor import pins, projects
from mediapipe_jetson.doctor.files import containers, dockerfiles, documents
from mediapipe_jetson.doctor.files.facts import BaseImage, PythonPin
from mediapipe_jetson.doctor.sources import Scan

# What a folder has that is a part of the project by itself; others serve what stands elsewhere.
OWN = {"python", "notebook", "requirements", "settings", "cfg", "conda", "lock"}


def pythons(scan: Scan) -> list[PythonPin]:
    """Return the Pythons that are asked for where MediaPipe may be."""
    files = _files(scan)
    return [pin for pin in scan.pythons if _concerns(scan, files, _folder(pin.file))]


def images(scan: Scan) -> list[BaseImage]:
    """Return the images whose Python counts: its packages are installed there, or it runs there."""
    files = _files(scan)
    return [image for image in scan.images if image.packages and _is_built(scan, files, image)]


def _files(scan: Scan) -> set[str]:
    """Return the files that have to do with MediaPipe; none where no file has."""
    known = projects.table()
    inside = {*known["legacy_packages"], *known["tasks_packages"]}
    result = {
        name
        for name, content in scan.texts.items()
        if scan.kinds[name] != "markdown" and b"mediapipe" in content.lower()
    }
    result |= {
        item.file
        for item in scan.requirements
        if pins.is_mediapipe(item.name) or item.name in inside
    }
    result |= {wheel.file for wheel in scan.wheels if "mediapipe" in wheel.file.lower()}
    return result | scan.programs.followed


def _is_built(scan: Scan, files: set[str], image: BaseImage) -> bool:
    """Return whether an image is built with files that have to do with MediaPipe."""
    if not files or image.file in files or scan.kinds.get(image.file) != "dockerfile":
        return True
    folders = scan.contexts.get(image.file) or {_context(scan, image.file)}
    return any(_concerns(scan, files, folder) for folder in folders)


def _context(scan: Scan, file: str) -> str:
    """Return the folder that a Dockerfile is built with where no file says so: its own, or all."""
    folder = _folder(file)
    for word in dockerfiles.copied(documents.decoded(scan.texts[file])):
        own, top = (scan.folder / containers.beside(place, word) for place in (file, ""))
        if not own.exists() and top.exists():
            return ""
    return folder


def _concerns(scan: Scan, files: set[str], folder: str) -> bool:
    """Return whether what stands below a folder may have to do with MediaPipe."""
    if not files or not folder or any(_is_below(name, folder) for name in files):
        return True
    return not any(kind in OWN and _is_below(name, folder) for name, kind in scan.kinds.items())


def _is_below(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/")


def _folder(file: str) -> str:
    parent = PurePosixPath(file).parent.as_posix()
    return "" if parent == "." else parent
