"""What kind of file each is: by its name if that decides, else by its content."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import (
    bake,
    compose,
    dockerfiles,
    documents,
    kubernetes,
    locks,
    reading,
    requirements,
)

SKIPPED = {
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".venv",
    "node_modules",
    "__pycache__",
    "site-packages",
}
LARGEST_BYTES = 4_000_000
MENTIONED = b"mediapipe"
BY_SUFFIX = {
    ".py": "python",
    ".pyw": "python",
    ".ipynb": "notebook",
    ".sh": "shell",
    ".bash": "shell",
    ".service": "shell",
    ".mk": "shell",
    ".whl": "wheel",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "markdown",
}
BY_NAME = (
    (re.compile(r"(pyproject|pixi|tox)\.toml$|Pipfile$"), "settings"),
    (re.compile(r"\.?mise(\.\w+)?\.toml$"), "mise"),
    (re.compile(r"\.?pip\.(conf|ini)$|uv\.toml$"), "index"),
    (re.compile(r"setup\.cfg$|tox\.ini$"), "cfg"),
    (re.compile(r"package\.xml$"), "rosdep"),
    (re.compile(r"readme(\.txt)?$", re.I), "markdown"),
    (locks.NAMES, "lock"),
    (
        re.compile(r"(docker|container)file.*|.*\.(docker|container)file(\..*)?$", re.I),
        "dockerfile",
    ),
    (re.compile(r"(GNU)?[Mm]akefile$|[Jj]ustfile$"), "shell"),
    (re.compile(r"\.python-version$|runtime\.txt$|\.tool-versions$"), "python_version"),
    (re.compile(r"\.env$"), "env"),
    (re.compile(r".*compose.*\.ya?ml$", re.I), "compose"),
    (re.compile(r"kustomization\.ya?ml$|Kustomization$"), kubernetes.KUSTOMIZATION),
    (bake.NAMES, "bake"),
    (re.compile(r"\.?devcontainer\.json$"), "devcontainer"),
    (
        re.compile(
            r"(.*require.*|.*constraint.*|reqs?\b.*|reqs.*)\.(txt|in|pip|lock)$|reqs$|requirements$",
            re.I,
        ),
        "requirements",
    ),
    (re.compile(r"(environment|conda|env)[\w.-]*\.ya?ml$", re.I), "conda"),
)
# Signs that a file which no reader knows uses or installs MediaPipe.
USES = re.compile(
    rb"\b(pip[\d.]*|uv|conda|poetry)\b[^\n]*\b(install|add)\b[^\n]*\bmediapipe|"
    rb"\bmediapipe\s*(==|>=|<=|~=|!=)\s*\d|\bimport\s+mediapipe\b|\bmp\.solutions\b|@mediapipe/|"
    rb"\bmediapipe/(framework|calculators|graphs|tasks|modules|gpu)\b|com\.google\.mediapipe|"
    rb"\bpython3-mediapipe\b|\b(p|ps|py|pkgs|python3\d*Packages|pythonPackages)\.mediapipe\b|"
    rb"\bimage:\s*[\"']?\S*mediapipe|"
    rb"\bfind_package\s*\(\s*mediapipe|\"github\.com/[\w./-]*mediapipe|^mediapipe[\w-]*\s*=\s*[\"{]|"
    rb"\bMediaPipeTasks\w*|com\.github\.homuler\.mediapipe|\bMediapipe\.Unity",
    re.IGNORECASE | re.MULTILINE,
)
# What people or programs read as data, except for JSON that sets containers or JavaScript up.
DATA = {".md", ".rst", ".html", ".htm", ".adoc", ".tex", ".csv", ".tsv", ".svg", ".log", ".txt"}
DATA |= {".json", ".toml", ".xml", ".jsonl", ".ndjson"}
SETTINGS = {"package.json", "Cargo.toml", "CMakeLists.txt"}
# Pictures, sounds, models, compiled programs and archives, which are no text.
BINARY = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ico", ".exr"}
BINARY |= {".mp4", ".avi", ".mov", ".mkv", ".webm", ".wav", ".mp3", ".ogg", ".flac", ".pcd", ".ply"}
BINARY |= {".npy", ".npz", ".pkl", ".h5", ".hdf5", ".parquet", ".pb", ".bag", ".db3", ".mcap"}
BINARY |= {
    ".onnx",
    ".pt",
    ".pth",
    ".tflite",
    ".task",
    ".engine",
    ".safetensors",
    ".bin",
    ".caffemodel",
}
BINARY |= {".so", ".o", ".a", ".pyc", ".pyd", ".dll", ".exe", ".jar", ".class", ".deb", ".rpm"}
BINARY |= {".zip", ".gz", ".tgz", ".xz", ".bz2", ".zst", ".7z", ".tar", ".iso", ".img", ".pdf"}
# Windows' own scripts, which no board runs.
NEVER = {".bat", ".cmd"}
# Such files list what is installed and started, unless they contain code.
INSTALLING = {".ps1", ".yml", ".yaml", ".xml", ".bb", ".bbappend", ".nix", ".cfg", ".ini"}
CODE = re.compile(rb"\bimport\s+mediapipe\b|\bmp\.solutions\b|\bfrom\s+mediapipe\b")
PLAIN = re.compile(
    r"(license|notice|changelog|authors|contributors|readme|\.git\w*|\.dockerignore)", re.I
)


def by_name(path: Path) -> Optional[str]:
    """Return the kind by a file's name, None if the name does not decide it."""
    for pattern, kind in BY_NAME:
        if pattern.match(path.name):
            return kind
    if path.parent.name == "requirements" and path.suffix in (".txt", ".in"):
        return "requirements"
    return BY_SUFFIX.get(path.suffix.lower())


def by_content(path: Path, content: bytes) -> Optional[str]:  # noqa: PLR0911 # one for each kind
    """Return the kind by the content; "other" for one that no reader knows."""
    suffix = path.suffix.lower()
    head = content[:200]
    if head.startswith(b"#!") and suffix != ".j2":
        script_kind = _interpreted(head.splitlines()[0])
        if script_kind:
            return script_kind
    if suffix in NEVER:
        return None
    if suffix == ".hcl" and bake.SIGNS.search(content):
        return "bake"
    data = suffix in DATA and path.name not in SETTINGS
    lower = content.lower()
    named = MENTIONED in lower or b"mp.solutions" in lower
    other = "other" if named and not data and USES.search(content) else None
    if suffix in (".yml", ".yaml"):
        return kubernetes.kind(path, content) or _yaml(content, other)
    if MENTIONED not in lower or b"\0" in content or PLAIN.match(path.name):
        return None
    text = documents.decoded(content)
    if dockerfiles.is_dockerfile(text):
        return "dockerfile"
    if suffix in ("", ".txt", ".in", ".pip", ".lst", ".req") and requirements.is_list(text):
        return "requirements"
    if suffix == ".txt" and path.name not in SETTINGS:
        lines = (requirements.parse_requirement(line, "", 1) for line in text.splitlines())
        result = [item for item in lines if item is not None and item.name == "mediapipe"]
        return "other" if any(item.specifier for item in result) else None
    return other


def only_settings(name: str, content: bytes) -> bool:
    """Return whether a file that is not read can't show what programs do."""
    path = PurePosixPath(name)
    installing = path.suffix.lower() in INSTALLING or path.name == ".env"
    return installing and not CODE.search(content)


def _interpreted(line: bytes) -> Optional[str]:
    """Return the kind of a program by its first line: uv and pipx run Python's."""
    if re.search(rb"python|\b(uv|pipx|pdm|hatch|poetry|pipenv)\b.*\brun\b", line):
        return "python"
    return "shell" if re.search(rb"\b\w*sh\b", line) else None


def _yaml(content: bytes, other: Optional[str]) -> Optional[str]:
    """Return the kind of a YAML file."""
    if not re.search(rb"^(services|dependencies)\s*:", content, re.MULTILINE):
        return other
    try:
        read = documents.yaml(content)
    except ValueError:
        return other
    if compose.is_compose(read):
        return "compose"
    return "conda" if any(document.get("dependencies") for document in read) else other


def kind(path: Path, content: bytes) -> Optional[str]:
    """Return what kind of file this is, None for one that is not read."""
    return by_name(path) or by_content(path, content)


def files(folder: Path, unseen: Callable[[OSError], None]) -> Iterator[Path]:
    """Return the files below a folder, in order, without environments and repositories' own.

    Not all of them are regular ones: `reading` opens those that are. Those that are no text by
    their names are left out.
    `unseen` gets the error of each folder that can't be listed, with its file name.
    """
    if folder.is_file():
        yield folder
        return
    for top, inner, names in os.walk(folder, onerror=unseen):
        inner[:] = sorted(name for name in inner if not _skipped(Path(top, name)))
        for name in sorted(names):
            path = Path(top, name)
            if path.suffix.lower() in BINARY and by_name(path) is None:
                continue
            try:
                if not stat.S_ISDIR(path.stat().st_mode):
                    yield path
            except PermissionError as error:  # of all that is in the folder
                unseen(PermissionError(error.errno, error.strerror, top))
                break
            except OSError:
                continue  # a link to nowhere


def _skipped(folder: Path) -> bool:
    """Return whether a folder is an environment, a tool's own or the kernel's."""
    built = folder.name.endswith((".dist-info", ".egg-info"))
    if folder.name in SKIPPED or built or reading.kernels(folder):
        return True
    return os.path.exists(folder / "pyvenv.cfg")  # noqa: PTH110 # which raises nothing
