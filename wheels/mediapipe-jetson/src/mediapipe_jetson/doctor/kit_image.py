"""The kit's own images: a project that runs in one, and the way into one."""

from __future__ import annotations

import re
from typing import Any, Optional

from mediapipe_jetson.doctor import projects
from mediapipe_jetson.doctor.files import dockerfiles, documents
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scanned import ASIDE
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.sources import Scan

SETTINGS = "jetson.toml"
VERSION = re.compile(r"^[ \t]*mediapipe\s*=\s*[\"']([\d.]+)", re.MULTILINE)
PIP = re.compile(r"pip[\d.]*")
NO_PIP = "the kit's image has no pip"
DEV = (
    "write the package into requirements.txt for ./inv build --app, or start from the variant -dev"
)
WITHOUT = "mediapipe without a version"
PROGRAMS_MOST = 5
TESTS = re.compile(r"(^|/)(tests?/|test_|conftest\.|setup\.py$)")


def settings(scan: Scan) -> Optional[str]:
    """Return jetson.toml, by which ./inv build --app makes the project's image; None for none."""
    path = scan.folder / SETTINGS
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    except OSError:
        return None


def runs_in(scan: Scan) -> tuple[str, str]:
    """Return what shows that the project runs in the kit's image, and MediaPipe's version there.

    Two empty texts where nothing shows it.
    """
    text = settings(scan)
    if text is not None:
        named = VERSION.search(text)
        return SETTINGS, named.group(1) if named else projects.table()["kit"]["mediapipe"]
    final = [(item, projects.image(item.image)) for item in scan.images if item.final]
    if not final or not all(known is not None and known.kit for _, known in final):
        return "", ""
    item, known = final[0]
    return f"{item.file}:{item.line}: {item.image}", known.mediapipe if known else ""


def way(scan: Scan, l4t: str, file: str) -> str:
    """Return how to make the project an application of the kit's image for this release."""
    steps = []
    if settings(scan) is None and "app.py" not in scan.texts:
        steps.append(f"write {SETTINGS} with {_command(scan, file)}")
    steps.append(f"name {WITHOUT} in requirements.txt")
    composed = file.endswith((".yml", ".yaml"))
    remove = "ocker" in file and not composed
    steps.append(f"remove {file}, which that does not need" if remove else "")
    option, oldest = projects.buildable(l4t)
    steps.append(f"upgrade the board to L4T {oldest} or later, if it is older" if oldest else "")
    release = f" --l4t {option}" if option else ""
    module = _module(scan, option or l4t)
    module = f" --module {module}" if module else ""
    steps.append(f"./inv build --jetson{release}{module} --app DIR")
    steps.append(f"name the image that it makes in {file}" if composed else "")
    return ", then ".join(filter(None, steps))


def _command(scan: Scan, file: str) -> str:
    """Return the line of jetson.toml with the program to run: the one that a Dockerfile starts.

    Else the programs nearest to the top.
    """
    own = {name: text for name, text in scan.texts.items() if name.endswith(".py")}
    started = _started(scan, file, list(own))
    if started:
        return f'command = ["python3", "{started}"]'
    own = {name: text for name, text in own.items() if not TESTS.search(name)}
    names = [name for name, text in own.items() if b"__main__" in text]
    names = names or [name for name in own if "/" not in name]
    names = sorted(names, key=_depth)
    if not names:
        return f"the project's program as command, and copy that program to where {SETTINGS} is"
    nearest = [name for name in names if _depth(name)[0] == _depth(names[0])[0]]
    return " or ".join(f'command = ["python3", "{name}"]' for name in nearest[:PROGRAMS_MOST])


def _started(scan: Scan, file: str, programs: list[str]) -> str:
    """Return the program of the project that a Dockerfile starts, by the end of its path."""
    if scan.kinds.get(file) != "dockerfile":
        return ""
    folder = file.rpartition("/")[0]
    for line in dockerfiles.started(documents.decoded(scan.texts[file])):
        commands = [arguments for _, arguments, _ in dockerfiles.commands(line)]
        # What comes last stays: python3 wait.py && python3 main.py.
        for arguments in reversed(commands):
            program = next(
                filter(None, (_program(argument, folder, programs) for argument in arguments)), ""
            )
            if program:
                return program
    return ""


def _program(path: str, folder: str, programs: list[str]) -> str:
    """Return the program of the project that an argument names, by the end of its path."""
    if not path.endswith(".py") or " " in path:
        return ""
    for at in range(path.count("/") + 1):
        end = "/".join(path.split("/")[at:])
        for name in (f"{folder}/{end}".lstrip("/"), end):
            if name in programs:
                return name
    return ""


def _depth(name: str) -> tuple[int, str]:
    """Return how many folders down a file is, then its name."""
    return name.count("/"), name


def _module(scan: Scan, l4t: str) -> str:
    """Return the one module that the project's files name, "" where they name none or several."""
    known = projects.table()["modules"].get(l4t.lstrip("r").split(".", maxsplit=1)[0], {})
    text = b" ".join(scan.texts.values()).decode(errors="replace").lower()
    matches: dict[tuple[int, int], str] = {}
    for name, title in known.items():
        jetson, _, rest = title.lower().partition(" ")
        # "nano" alone is an editor.
        before = rf"{jetson}[\s_-]*" if rest.startswith("nano") else ""
        pattern = before + r"[\s_-]*".join(re.escape(word) for word in rest.split())
        for match in re.finditer(rf"(?<![a-z0-9]){pattern}(?![a-z0-9])", text):
            matches[match.span()] = name
    longest = {
        name
        for (start, end), name in matches.items()
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b in matches)
    }
    return longest.pop() if len(longest) == 1 else ""


def pip(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether a Dockerfile installs by pip into one of the kit's images."""
    scan = scene.scan
    if scan is None:
        return unknown("no code was named; --code DIR looks through a project")
    files = {item.file: item for item in (*scan.images, *scan.aside) if _is_own(item.image)}
    if not files:
        return ok("no image of the kit's is built upon")
    installs = [item for name in files if name in scan.texts for item in _installed(scan, name)]
    findings = [item for item in installs if not scan.leads_nowhere(item.file, item.line)]
    aside = [f"{item.place()}: {item.what}; {ASIDE}" for item in installs if item not in findings]
    if findings:
        first = min(findings)
        return bad(
            first.what,
            *aside,
            findings=tuple(sorted(findings)),
            place=first.place(),
            instead=first.instead,
        )
    if aside:
        return unknown(*aside)
    return ok(*(f"{name}:{item.line}: {item.image}" for name, item in files.items()))


def _is_own(image: str) -> bool:
    known = projects.image(image)
    return known is not None and known.kit


def _installed(scan: Scan, name: str) -> list[Finding]:
    """Return where pip installs in stages of a Dockerfile that have none."""
    text = documents.decoded(scan.texts[name])
    if not dockerfiles.is_dockerfile(text):
        return []
    result: list[Finding] = []
    stages: dict[str, bool] = {}
    without = False
    for number, arguments, _ in dockerfiles.commands(dockerfiles.filled(text, {})):
        if arguments and arguments[0].upper() == "FROM":
            parts = [argument for argument in arguments[1:] if not argument.startswith("--")] or [
                ""
            ]
            known = projects.image(parts[0])
            own = known is not None and known.kit and not known.pip
            without = stages.get(parts[0].lower(), own)
            if len(parts) > 2:
                stages[parts[2].lower()] = without
        elif without and "install" in arguments:
            before = arguments[: arguments.index("install")]
            if any(PIP.fullmatch(argument.rsplit("/", 1)[-1]) for argument in before):
                result.append(Finding(name, 0, number, 1, NO_PIP, DEV))
    return result
