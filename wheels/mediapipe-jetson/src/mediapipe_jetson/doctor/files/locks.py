"""Read lock files: what is really installed, whatever they were made from."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from mediapipe_jetson.doctor.files import documents, pixi
from mediapipe_jetson.doctor.files.facts import LOCK, PythonPin, Requirement
from mediapipe_jetson.doctor.files.requirements import normal
from mediapipe_jetson.doctor.files.unreadable import FormError

NAMES = re.compile(
    r"(uv|poetry|pdm|pixi)\.lock$|pylock(\..*)?\.toml$|Pipfile\.lock$|conda-lock\.ya?ml$"
)
# What each is made from, and the command that makes it anew.
MADE_FROM = {
    "uv.lock": ("pyproject.toml", "uv lock --upgrade-package mediapipe"),
    "poetry.lock": ("pyproject.toml", "poetry update mediapipe"),
    "pdm.lock": ("pyproject.toml", "pdm update mediapipe"),
    "Pipfile.lock": ("Pipfile", "pipenv update mediapipe"),
    "conda-lock.yml": ("environment.yml", "conda-lock lock --update mediapipe"),
    "pixi.lock": ("pixi.toml", "pixi update mediapipe"),
    "pylock.toml": (
        "pyproject.toml",
        "uv export --format pylock.toml, after uv lock --upgrade-package mediapipe",
    ),
}
REGISTRY = re.compile(r"https?://(pypi\.org|files\.pythonhosted\.org)(/|$)")


def read(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    """Return what a lock file pins. Raises ValueError."""
    base = PurePosixPath(name).name
    if base == "Pipfile.lock":
        return _pipenv(name, content)
    if base == pixi.LOCK_NAME:
        return pixi.lock(name, content)
    if base.endswith((".yml", ".yaml")):
        return _conda(name, content)
    document = documents.toml(content)
    text = documents.decoded(content)
    pythons = []
    metadata = document.get("metadata", {})
    requires_python = document.get("requires-python") or metadata.get("python-versions")
    requires_python = requires_python or metadata.get("requires_python")
    if isinstance(requires_python, str):
        pythons.append(
            PythonPin(
                name,
                documents.line_of(text, requires_python),
                requires_python,
                f"Python {requires_python}",
            )
        )
    requirements = []
    packages = document.get("package") or document.get("packages")
    for item in packages if isinstance(packages, list) else ():
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            requirements.append(_package(name, text, item))
    if packages is not None and not isinstance(packages, list):
        raise FormError("its packages are no list")
    return requirements, pythons


def _package(name: str, text: str, item: dict[str, Any]) -> Requirement:
    """Return one package of a TOML lock."""
    package, version = item["name"], str(item.get("version", ""))
    line = _line(text, package, version)
    specifier = f"=={version}" if version else ""
    shown = f"{package}{specifier}"
    return Requirement(
        name, 0, line, normal(package), specifier, _marker(item), _source(item), shown, LOCK
    )


def _marker(item: dict[str, Any]) -> str:
    """Return a package's marker: of several, each its group's or its platform's, any suffices."""
    markers = item.get("resolution-markers") or item.get("markers") or item.get("marker") or ""
    if isinstance(markers, dict):
        groups = item.get("groups")
        # Poetry writes no marker for a group that always takes the package.
        if isinstance(groups, list) and any(group not in markers for group in groups):
            return ""
        markers = list(markers.values())
    if isinstance(markers, list):
        return " or ".join(f"({marker})" for marker in markers)
    return str(markers)


def _source(item: dict[str, Any]) -> str:
    """Return where a package is from if that is not PyPI."""
    source = item.get("source")
    if isinstance(source, dict):
        registry = source.get("registry")
        if isinstance(registry, str):
            return "" if REGISTRY.match(registry) else registry
        if source.get("type") == "legacy" and REGISTRY.match(str(source.get("url", ""))):
            return ""
        return str(source.get("url") or next(iter(source.values()), ""))
    for key in ("vcs", "directory", "archive", "git", "path", "url"):
        if key in item:
            value = item[key]
            return (
                str(value.get("url") or value.get("path") or key)
                if isinstance(value, dict)
                else str(value)
            )
    index = item.get("index")
    return "" if not isinstance(index, str) or REGISTRY.match(index) else index


def _line(text: str, package: str, version: str) -> int:
    """Return the line of a package's version in a TOML lock."""
    pattern = rf"^name = [\"']{re.escape(package)}[\"']\s*$"
    for match in re.finditer(pattern, text, re.MULTILINE):
        after = re.match(r"\s*version = [\"']([^\"']*)[\"']", text[match.end() :])
        if after is None or after.group(1) == version:
            end = match.end() + (after.end() if after else 0)
            return text.count("\n", 0, end) + 1
    return documents.line_of(text, package)


def _pipenv(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    document, text = documents.json_of(content), documents.decoded(content)
    if not isinstance(document, dict):
        raise FormError("it holds no object")
    requirements, pythons = [], []
    for group, packages in document.items():
        for package, entry in (
            packages.items() if group != "_meta" and isinstance(packages, dict) else ()
        ):
            item = entry if isinstance(entry, dict) else {}
            version = str(item.get("version", ""))
            source = str(item.get("git") or item.get("file") or item.get("path") or "")
            line = documents.line_of(
                text, f'"{package}"', f'"{version}"' if version else f'"{package}"'
            )
            marker, shown = str(item.get("markers", "")), f"{package}{version}"
            requirements.append(
                Requirement(name, 0, line, normal(package), version, marker, source, shown, LOCK)
            )
    needs = document.get("_meta", {}).get("requires", {})
    for key in ("python_version", "python_full_version"):
        if isinstance(needs, dict) and isinstance(needs.get(key), str):
            line = documents.line_of(text, f'"{key}"')
            pythons.append(PythonPin(name, line, f"=={needs[key]}", f"Python {needs[key]}"))
    return requirements, pythons


def _conda(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    requirements, pythons = [], []
    for document in documents.yaml(content):
        packages = document.get("package")
        for item in packages.value if packages and isinstance(packages.value, list) else ():
            package, version, platform = item.get("name"), item.get("version"), item.get("platform")
            if package is None or version is None:
                continue
            arm = platform is None or platform.value in ("linux-aarch64", "noarch")
            # conda-lock names other platforms than aarch64: these are not for a Jetson.
            marker = "" if arm else "platform_machine == 'x86_64'"
            manager = item.get("manager")
            source = "" if manager is not None and manager.value == "pip" else "conda"
            shown = f"{package.value}=={version.value}"
            if normal(str(package.value)) == "python" and source and arm:
                pin = PythonPin(name, version.line, f"=={version.value}", f"Python {version.value}")
                pythons.append(pin)
                continue
            requirements.append(
                Requirement(
                    name,
                    0,
                    version.line,
                    normal(str(package.value)),
                    f"=={version.value}",
                    marker,
                    source,
                    shown,
                    LOCK,
                )
            )
    return requirements, pythons
