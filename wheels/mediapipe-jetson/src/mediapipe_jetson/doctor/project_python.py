"""The Pythons that a project asks for, in its settings and by its base images."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath
from typing import Union

from mediapipe_jetson.doctor import kit_image, pins, projects, relevance
from mediapipe_jetson.doctor.files.facts import CONDA, UV, BaseImage, PythonPin
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.scanned import ASIDE
from mediapipe_jetson.doctor.sources import Scan


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """A Python that has no wheel, where it is asked for, and what to write there."""

    file: str
    line: int
    what: str
    cure: str
    cell: int = 0
    kit: str = ""
    """MediaPipe's version in the kit's image, where its cure is that one alone."""
    foreign: bool = False
    """Whether it is no Python, but an image for a CPU that no board has."""

    @property
    def place(self) -> str:
        """Return the place as editors take it."""
        return Finding(self.file, self.cell, self.line, 1, "", "").place()

    def finding(self) -> Finding:
        """Return it as the report has it."""
        return Finding(
            self.file, self.cell, self.line, 1, self.what, self.cure.removeprefix(f"{self.place}: ")
        )


def obstacles(scan: Scan, release: str = "") -> tuple[list[Obstacle], list[str]]:
    """Return the Pythons without a wheel, and what is not known.

    `release` is the board's L4T, for which cures are then; else they are for that of the images.
    """
    wrong: list[Obstacle] = []
    open_: list[str] = []
    for pin in relevance.pythons(scan):
        try:
            minors = projects.minors(pin)
        except ValueError:
            open_.append(f"{pin.place}: {pin.text} can't be read")
            continue
        if not any(projects.has_wheel(minor) for minor in minors):
            wrong.append(Obstacle(pin.file, pin.line, _what(pin.text), _cure_of(pin), pin.cell))
    # Whichever of them is used, its Python is judged by itself.
    environments = {name for name, kind in scan.kinds.items() if kind == CONDA}
    filed = environments and environments <= {pin.file for pin in relevance.pythons(scan)}
    for image in relevance.images(scan):
        if image.installs == CONDA and filed:
            continue  # that file is judged
        obstacle = _foreign(image) if image.foreign else _image(scan, image, release)
        if isinstance(obstacle, Obstacle):
            wrong.append(obstacle)
        elif obstacle:
            open_.append(obstacle)
    for image in relevance.images(scan, scan.aside):
        obstacle = _foreign(image) if image.foreign else _image(scan, image, release)
        if isinstance(obstacle, Obstacle):
            open_.append(f"{obstacle.place}: {obstacle.what}; {ASIDE}")
    for item in scan.requirements:
        python = pins.only_python(item)
        if python and not projects.has_wheel(python):
            open_.append(f"{item.place}: {item.source} is for Python {python} alone")
    return wrong, open_


def _what(text: str) -> str:
    known = pins.table()["python"]
    return (
        f"{text}: wheels with the GPU inside are for Python {known['oldest']} to {known['newest']}"
    )


def _cure_of(pin: PythonPin) -> str:
    """Return what to write where a file asks for a Python."""
    known = pins.table()["python"]
    name = PurePosixPath(pin.file).name
    good = known["good"]
    if pin.command:
        text = re.sub(r"(?<![\d.])3(\.\d+)+", good, pin.text)
    elif name.endswith((".yml", ".yaml")) or re.match(r"python[=<>~!]", pin.text):
        text = f"python={good}"
    elif name in (".python-version", ".tool-versions", "runtime.txt") or "mise" in name:
        text = pin.text.replace(pin.specifier.lstrip("="), good)
    elif name == "pyproject.toml" and pin.specifier.startswith("=="):
        text = f'{pin.text.partition("=")[0].strip()} = "{good}"'
    elif name == "Pipfile":
        text = f'python_version = "{good}"'
    elif name.endswith(".lock"):
        return f"{pin.place}: ask for Python {good} where it was made from, and lock anew"
    else:
        text = f'{pin.text.partition("=")[0].strip()} = ">={known["oldest"]}"'
    return f"{pin.place}: write {text}"


def _allowed(pin: PythonPin) -> list[str]:
    """Return the Pythons that a pin allows: all, for one that is not understood."""
    try:
        return projects.minors(pin)
    except ValueError:
        return list(projects.MINORS)


def brought(item: BaseImage, known: projects.Known) -> str:
    """Return a line on an image that brings a MediaPipe of its own."""
    return (
        f"{item.file}:{item.line}: {item.image} brings a MediaPipe {known.brings} of its own for "
        f"Python {known.python}, which is not PyPI's: run the doctor in a container of it"
    )


def _unknown(item: BaseImage) -> str:
    """Return what is not known of a base image, and the command that shows it."""
    ask = f": docker run --rm --entrypoint python3 {item.image} --version tells its Python"
    return f"the base image {item.image} is not known{'' if '$' in item.image else ask}"


def _foreign(item: BaseImage) -> Obstacle:
    """Return the obstacle of an image that no board runs."""
    what = f"{item.image} is taken for {item.foreign}, which no Jetson runs"
    cure = f"{item.file}:{item.line}: write linux/arm64, or no platform"
    return Obstacle(item.file, item.line, what, cure, foreign=True)


def _image(scan: Scan, item: BaseImage, release: str) -> Union[Obstacle, str]:
    """Return an image's obstacle, a line on what is not known of it, or nothing."""
    python, known = projects.python_of(item)
    place = f"{item.file}:{item.line}"
    if known is not None and known.musl:
        return Obstacle(
            item.file,
            item.line,
            f"{item.image} is {known.about}",
            f"{place}: take Debian or Ubuntu",
        )
    requested = relevance.pythons(scan)
    other = item.installs == UV and not all(python in _allowed(pin) for pin in requested)
    if not python or other:
        vague = item.installs in ("?", CONDA) or other
        doubt = f"which Python is installed into {item.image} can't be told"
        return f"{place}: {doubt if vague else _unknown(item)}"
    if projects.has_wheel(python):
        return ""
    if known is not None and known.brings and item.installs in ("", UV):
        return brought(item, known)
    about = f" ({known.about})" if known is not None and known.about else ""
    brings = "brings" if item.installs in ("", UV) else "is given"
    what = f"{item.image} {brings} Python {python}{about}"
    good = pins.table()["python"]["good"]
    l4t = known.l4t if known is not None else ""
    if l4t:
        cure = f"{place}: take the kit's image: {kit_image.way(scan, release or l4t, item.file)}"
        if known is not None and known.old_cpu:
            own = projects.table()["kit"]["mediapipe"]
            return Obstacle(item.file, item.line, what, cure, kit=own)
    elif item.installs not in ("", UV):
        cure = f"{place}: install Python {good} there in place of {python}"
    else:
        cure = f"{place}: take an image with Python {good}, such as python:{good}-slim"
    return Obstacle(item.file, item.line, what, cure)
