"""What is known of packages and base images that projects use (data/projects.json)."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.files import standard
from mediapipe_jetson.doctor.files.facts import CONDA, UV, BaseImage, PythonPin

DATA = Path(__file__).resolve().parent.parent / "data" / "projects.json"
# Docker's own images, where they are copied to as well.
LIBRARY = re.compile(
    r"^(docker\.io/|index\.docker\.io/|public\.ecr\.aws/docker/|mirror\.gcr\.io/)?(library/)?"
)
MINORS = tuple(f"3.{minor}" for minor in range(5, 21))
NEWEST = "99999"


@dataclasses.dataclass(frozen=True)
class Known:
    """What a base image is known to be; "" for what its tag does not show."""

    python: str = ""
    l4t: str = ""
    about: str = ""
    musl: bool = False
    old_cpu: Optional[bool] = None
    kit: bool = False
    pip: bool = True
    mediapipe: str = ""
    ready: bool = False
    """Whether it has a Python from the start, not only its distribution's to install."""
    brings: str = ""
    """The version of a MediaPipe of its own, built by its publisher."""


@functools.lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return the table."""
    document: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return document


def image(text: str) -> Optional[Known]:
    """Return what an image brings, by its name and tag; None for one that is not known."""
    name, _, tag = text.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        name, tag = text.partition("@")[0], "latest"
    name = LIBRARY.sub("", name, count=1)
    for rule in table()["images"]:
        match = re.fullmatch(rule["tag"], tag)
        if re.fullmatch(rule["image"], name) and match:
            parts = {**match.groupdict(), **rule.get("is", {})}
            if parts.get("minor"):
                parts["python"] = f"3.{parts['minor']}"
            known = _known(parts)
            if known is not None:
                ready = any(parts.get(key) for key in ("python", "l4t", "ros")) or known.kit
                return dataclasses.replace(known, ready=ready)
    return None


def _known(parts: dict[str, Optional[str]]) -> Optional[Known]:
    known = table()
    if parts.get("kit") is not None:
        return _own(str(parts["kit"]), parts.get("l4t") or "")
    if parts.get("musl") is not None:
        return Known(about="musl (Alpine), for which there is no MediaPipe wheel", musl=True)
    l4t = parts.get("l4t")
    branch = known["l4t"].get(l4t.split(".")[0]) if l4t else None
    if l4t and branch is None:
        return None
    if parts.get("python"):
        about = f"L4T {l4t}, JetPack {branch['jetpack']}" if branch else ""
        old = branch["old_cpu"] if branch else None
        brings = parts.get("brings") or ""
        return Known(str(parts["python"]), l4t or "", about, old_cpu=old, brings=brings)
    release = parts.get("ubuntu") or (branch["ubuntu"] if branch else "")
    release = release or known["ros"].get(parts.get("ros") or "", "")
    if parts.get("debian"):
        python = known["debian"].get(parts["debian"], "")
        about = f"Debian {parts['debian']}"
    else:
        python = known["ubuntu"].get(release, "")
        about = f"Ubuntu {release}"
    if branch:
        about += f", L4T {l4t}, JetPack {branch['jetpack']}"
    return (
        Known(python, l4t or "", about, False, branch["old_cpu"] if branch else None)
        if python
        else None
    )


def _own(rest: str, l4t: str) -> Known:
    """Return what one of the kit's own images brings; `rest` is its tag after the release."""
    kit = table()["kit"]
    python = re.search(r"-py(3\.\d+)\b", rest)
    version_match = re.search(r"-mediapipe(\d[\d.]*\d)", rest)
    version = version_match.group(1) if version_match else kit["mediapipe"]
    number = l4t.split(".", maxsplit=1)[0]
    branch = table()["l4t"].get(number, {})
    ids = "|".join(table()["modules"].get(number, ()))
    return Known(
        python.group(1) if python else kit["python"],
        l4t,
        f"the kit's image, MediaPipe {version}",
        old_cpu=branch.get("old_cpu"),
        kit=True,
        mediapipe=version,
        pip=re.match(rf"(-({ids}))?-{kit['pip']}\b", rest) is not None,
    )


def buildable(l4t: str) -> tuple[str, str]:
    """Return what --l4t takes for a release, and the oldest release where this one is older.

    What the kit does not know is the newest with the same numbers before it.
    """
    known: list[str] = table()["releases"].get(l4t.split(".", maxsplit=1)[0], [])
    if not known:
        return "", ""
    if l4t in known:
        return l4t, ""
    same = l4t
    while not any(item.startswith(f"{same}.") for item in known):
        same = same.rpartition(".")[0]
    oldest = min((item for items in table()["releases"].values() for item in items), key=_numbers)
    return f"r{same}", oldest if _numbers(l4t) < _numbers(oldest)[: l4t.count(".") + 1] else ""


def _numbers(release: str) -> list[int]:
    return [int(number) for number in release.split(".")]


def minors(pin: PythonPin) -> list[str]:
    """Return the Pythons that a pin allows. Raises ValueError for one that is not understood."""
    result: list[str] = []
    for way in pin.specifier.split("||"):
        text = re.sub(r"(?<![!<>~])===?\s*(\d+\.\d+)[\w.]*\*?", r"==\1.*", way.strip())
        text = re.sub(r"(^|,)\s*(\d+\.\d+)[\w.]*$", r"\1==\2.*", text)
        text = re.sub(r"(?<=\d)\s+(?=[<>=!~^])", ",", text)
        # The last of each: ">=3.8.10" allows 3.8, "<3.9" does not allow 3.9.
        result += [
            minor
            for minor in MINORS
            if versions.allowed(text, [f"{minor}.99"]) or versions.allowed(text, [minor])
        ]
    return result


def has_wheel(python: str) -> bool:
    """Return whether official wheels with the GPU inside are for this Python."""
    known = pins.table()["python"]
    return (
        versions.parse(known["oldest"])
        <= versions.parse(python)[:2]
        <= versions.parse(known["newest"])
    )


def plain(text: str) -> bool:
    """Return whether an image is one of a database, a broker or a web server."""
    name = LIBRARY.sub("", text.partition("@")[0], count=1)
    return re.sub(r":[\w.-]+$", "", name) in table()["plain_images"]


def python_of(item: BaseImage) -> tuple[str, Optional[Known]]:
    """Return the Python that an image's programs run on ("" is not known), and the image."""
    known = image(item.image)
    if item.installs and item.installs != UV:
        return ("" if item.installs in ("?", CONDA) else item.installs), known
    return (known.python if known else ""), known


def package(kind: str, name: str, specifier: str) -> Optional[dict[str, Any]]:
    """Return a package's entry if its version belongs there: pip takes the newest allowed."""
    entry = table()[kind].get(name)
    if entry is None:
        return None
    bounds = [text for text in (entry.get("below"), entry.get("from")) if text]
    if not bounds:
        return dict(entry)
    try:
        newer = bool(versions.allowed(specifier, [bounds[0], NEWEST]))
    except ValueError:
        return None
    return dict(entry) if newer is ("from" in entry) else None


def known_packages() -> frozenset[str]:
    """Return the packages that tables know: builds of MediaPipe, and what is made upon it."""
    wheels, own = pins.table(), table()
    every = (wheels["others"], wheels["unaudited"], own["legacy_packages"], own["tasks_packages"])
    return frozenset(name for names in every for name in names)


def importers(kind: str) -> dict[str, str]:
    """Return the packages of a kind by the modules that are imported."""
    return {module: name for name, entry in table()[kind].items() for module in entry["imports"]}


@functools.lru_cache(maxsize=1)
def known_modules() -> frozenset[str]:
    """Return the modules that have nothing of MediaPipe inside, MediaPipe's own among them."""
    return frozenset({*table()["without_mediapipe"].values(), "mediapipe", *standard.names()})
