"""Driver manifests: the JSON files by which EGL and Vulkan find vendors' libraries.

Both have {"ICD": {"library_path": ...}}; a path without a slash is left to the dynamic loader, a
relative one counts from the manifest (libglvnd's icd_enumeration.md, Vulkan's loader documents).
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Optional

from mediapipe_jetson import isolated
from mediapipe_jetson.observation import below, on_device, one_line

NOT_TRIED = "not tried: it is another machine's tree"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """One manifest; `loads` is None where it was not tried, `problem` says what is wrong."""

    path: str
    library: Optional[str]
    api_version: Optional[str]
    loads: Optional[bool]
    problem: Optional[str]

    def line(self) -> str:
        """Return what a person reads."""
        api = f", API {self.api_version}" if self.api_version else ""
        state = "loads" if self.loads else self.problem
        return f"{self.path} -> {self.library or '?'}{api}: {state}"


def search(root: Path, places: list[str]) -> list[Path]:
    """Return the manifests at `places`, in order: files, or folders' *.json by name."""
    paths: list[Path] = []
    for place in places:
        path = below(root, place)
        # A dangling link in a folder is listed too: that is a driver that was not mounted.
        paths += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return list(dict.fromkeys(paths))


def folders(root: Path, places: list[str]) -> list[str]:
    """Return those of `places` that are folders: the loaders skip the others in silence."""
    return [place for place in places if below(root, place).is_dir()]


def parse(root: Path, path: Path) -> Manifest:
    """Read one manifest without loading anything."""
    name = on_device(root, path)
    try:
        document = json.loads(path.read_bytes())
        driver = document["ICD"]
        library = driver["library_path"]
        api = driver.get("api_version")
    except FileNotFoundError:
        why = "the link leads nowhere" if path.is_symlink() else "no such file"
        return Manifest(name, None, None, None, why)
    except (OSError, ValueError) as error:
        return Manifest(name, None, None, None, f"not readable as JSON: {one_line(error)}")
    except (KeyError, TypeError, AttributeError):
        return Manifest(name, None, None, None, "no ICD.library_path in it")
    if not isinstance(library, str) or not library:
        return Manifest(name, None, None, None, "ICD.library_path is no text")
    if "/" in library and not library.startswith("/"):
        library = str(Path(name).parent / library)
    return Manifest(name, library, api if isinstance(api, str) else None, None, NOT_TRIED)


def tried(manifests: list[Manifest]) -> tuple[Manifest, ...]:
    """Load each manifest's library in a child process and note how that went."""
    libraries = [f"load:{entry.library}" for entry in manifests if entry.library]
    answers = isolated.ask(libraries) if libraries else {}
    result = []
    for entry in manifests:
        answer = answers.get(f"load:{entry.library}")
        if answer is None:
            result.append(entry)
            continue
        problem = answer if isinstance(answer, str) else None
        result.append(dataclasses.replace(entry, loads=problem is None, problem=problem))
    return tuple(result)
