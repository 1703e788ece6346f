"""Read pixi's manifest and its lock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mediapipe_jetson.doctor.files import documents, markers
from mediapipe_jetson.doctor.files.facts import LOCK, PythonPin, Requirement
from mediapipe_jetson.doctor.files.requirements import conda_specifier, keyed, normal

LOCK_NAME = "pixi.lock"
TARGETS = {
    "linux-64": "platform_machine == 'x86_64'",
    "linux-ppc64le": "platform_machine == 'ppc64le'",
    "osx": "sys_platform == 'darwin'",
    "win": "sys_platform == 'win32'",
}
CONDA_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.(?:conda|tar\.bz2)$")


def manifest(name: str, text: str, document: Any) -> tuple[list[Requirement], list[PythonPin]]:  # noqa: ANN401 # of a parsed document
    """Return what pixi.toml, or pyproject's [tool.pixi], asks for."""
    requirements: list[Requirement] = []
    pythons: list[PythonPin] = []
    top = "" if PurePosixPath(name).name == "pixi.toml" else "tool.pixi."
    for table, conda, path in _tables(document):
        header, marker = f"{top}{path}", _marker(path)
        for key, value in table.items():
            version = value.get("version", "*") if isinstance(value, dict) else value
            if normal(key) == "python" and isinstance(version, str):
                pin = conda_specifier(version)
                line = documents.key_line(text, key, header)
                if not markers.elsewhere(marker):
                    pythons.append(PythonPin(name, line, pin, f"{key} = {version}"))
            elif conda:
                line = documents.key_line(text, key, header)
                pin = conda_specifier(str(version))
                shown = f"{key} = {version}"
                requirements.append(
                    Requirement(name, 0, line, normal(key), pin, marker, "conda", shown)
                )
            else:
                requirements.append(keyed(name, text, key, value, header, marker))
    return requirements, pythons


def _marker(path: str) -> str:
    """Return a marker for the platform that a table is for."""
    parts = path.split(".")
    target = parts[parts.index("target") + 1] if "target" in parts else ""
    return TARGETS.get(target, TARGETS.get(target.partition("-")[0], ""))


def _tables(document: Any, path: str = "") -> Iterator[tuple[dict[str, Any], bool, str]]:  # noqa: ANN401
    """Return the tables of packages, whether conda's channels have them, and their headers."""
    if not isinstance(document, dict):
        return
    for key, conda in (("dependencies", True), ("pypi-dependencies", False)):
        if isinstance(document.get(key), dict):
            yield document[key], conda, f"{path}{key}"
    options = document.get("pypi-options")
    overrides = options.get("dependency-overrides") if isinstance(options, dict) else None
    if isinstance(overrides, dict):
        yield overrides, False, f"{path}pypi-options.dependency-overrides"
    for key in ("feature", "target"):
        inner = document.get(key)
        for name, part in inner.items() if isinstance(inner, dict) else ():
            yield from _tables(part, f"{path}{key}.{name}.")


def lock(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    """Return what pixi.lock pins for aarch64, or for no machine by name. Raises ValueError."""
    requirements: list[Requirement] = []
    pythons: list[PythonPin] = []
    for document in documents.yaml(content):
        packages = document.get("packages")
        for item in packages.value if packages and isinstance(packages.value, list) else ():
            address = item.get("conda") or item.get("pypi") or item.get("url")
            where = str(address.value) if address else ""
            file = PurePosixPath(where).name
            pattern = CONDA_FILE.match(file)
            given = [item.get("name"), item.get("version")]
            texts = [str(node.value) if node else "" for node in given]
            package = texts[0] or (pattern.group("name") if pattern else "")
            version = texts[1] or (pattern.group("version") if pattern else "")
            if not package or not version or _foreign(where):
                continue
            line = given[1].line if given[1] else item.line
            if normal(package) == "python" and pattern:
                pythons.append(PythonPin(name, line, f"=={version}", f"Python {version}"))
                continue
            source, shown = "conda" if pattern else "", f"{package}=={version}"
            requirements.append(
                Requirement(name, 0, line, normal(package), f"=={version}", "", source, shown, LOCK)
            )
    return requirements, pythons


def _foreign(address: str) -> bool:
    """Return whether a package is for another machine than an aarch64 one with Linux."""
    other = re.search(r"/(linux-64|linux-ppc64le|osx-64|osx-arm64|win-64|win-arm64)/", address)
    wheel = re.search(r"(x86_64|amd64|macosx|win32|win_arm64)[^/]*\.whl$", address)
    return bool(other or wheel)
