"""What a script installs and replaces further down, so that it is not what stays installed."""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Optional

from mediapipe_jetson.doctor.files import heredocs, installers, invocation
from mediapipe_jetson.doctor.files.branches import Step
from mediapipe_jetson.doctor.files.facts import REPLACED, STOPS, Requirement

PIP = re.compile(r"(?P<folder>.*/)?pip(?P<version>[\d.]*)|(?P<variable>\$\{?\w*PIP\w*\}?)")
PYTHON = re.compile(r"(?:\S*/)?python[\d.]*")
# Options of pip itself that say nothing of where it installs.
PLAIN = {"-m", "-q", "-qq", "--quiet", "-v", "--no-cache-dir", "--disable-pip-version-check", "-y"}
PLAIN |= {"--no-input", "-H", "-E", "-I"}
PLACES = {"-t", "--target", "--prefix", "--root", "--user", "-p", "--python", "--system"}
VALUED = PLACES - {"--user", "--system"}
MOST = 300
EDITORS = {"sed", "gsed", "perl", "grep", "egrep", "awk"}
TARGETS = {"-t", "--target"}
FORCING = {"-U", "--upgrade", "--force-reinstall", "-I", "--ignore-installed", "--reinstall"}
YES = {"-y", "--yes"}
# Another environment, another place, or an end that is no failure: what is behind is not compared.
ANOTHER = {
    "activate",
    "deactivate",
    "workon",
    "pyenv",
    "FROM",
    "USER",
    "SHELL",
    "break",
    "continue",
}
ENVIRONMENTS = {"conda", "mamba", "micromamba"}
ENDS = {"exit", "return"}
PATHS = re.compile(r"(?:PATH|VIRTUAL_ENV|CONDA_PREFIX|PYENV_\w+|PYTHONUSERBASE|PIP_\w+)=?")
STOPPING = re.compile(r"^#!.*sh\s+-\w*e|^\s*set\s+(?:-\w+\s+)*-(?:\w*e|o\s+errexit)", re.MULTILINE)
# What stands before && and does not decide on anything.
GOES_ON = {"pip", "uv", "apt", "apt-get", "cd", "rm", "mkdir", "echo", "export", "curl", "wget"}
GOES_ON |= {"sleep", "ldconfig", "cp", "mv", "yes", "python", "python3"}
LISTED = re.compile(r"(?:-r|--requirement)(?:=|$)?(.*)$")
# A line of make's or just's that begins what is run by its own name, or where make wants it.
TARGET = re.compile(r"^(?:if|else|endif)|^[^\s#][^\n]*?:(?![:=])", re.MULTILINE)
# Options and tools that keep to the folder they are run in.
IN_FOLDER = {"uv", "poetry", "pipenv", "pdm"}
RELATIVE = re.compile(r"[^/~$-][^/]*/")
MOVES = {"cd", "pushd", "popd"}
# In a build and in make a shell goes on behind ; unless it is told to stop.
TOLD_TO_STOP = re.compile(r"\b(?:set|SHELL|\w*sh)\b[^\n;&|]{0,80}?\s\[?[\"']?-\w*e|errexit")
LINE_END = re.compile(r"(?<!\\)(?<!\\\r)\n")
# A command that decides on what follows stops nothing.
CONDITION = re.compile(r"\s*(?:RUN\s+)?(?:(?:then|do|else)\s+)?(?:if|elif|while|until)\s")

Lists = Callable[[str], list[Requirement]]


@dataclasses.dataclass(frozen=True)
class Used:
    """The requirements files of which a script changes what they install, and of which it not.

    `changed` has the line for each; `edited` are those of them that are written anew.
    """

    changed: dict[str, int] = dataclasses.field(default_factory=dict)
    edited: set[str] = dataclasses.field(default_factory=set)
    plain: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True)
class _Done:
    """A command of pip's: what it does, in which environment and under which conditions."""

    step: Step
    place: tuple[str, ...]
    scope: int
    installed: list[Requirement]
    removed: frozenset[str]
    forced: bool
    sure: bool
    stops: bool


class _Scopes:
    """Which environment and folder commands are in, by numbers.

    Those of a shell of its own end with it; `lines` tells that each line is one.
    """

    def __init__(self, *, lines: bool) -> None:
        self.now = self.folder = self._last = 0
        self._lines, self._moved = lines, False
        self._outer: list[tuple[int, int]] = []

    def another(self) -> None:
        """Begin another environment."""
        self._last += 1
        self.now = self._last

    def moves(self, words: list[str]) -> None:
        """Follow what a command does to the folder that those behind it are run in."""
        command = invocation.started(words)
        if words[0] == "WORKDIR" or (command and command[0] in MOVES):
            self._last += 1
            self.folder, self._moved = self._last, words[0] != "WORKDIR"

    def reach(self, text: str, before: Optional[Step], step: Step) -> None:
        """Follow the brackets from one command to the next."""
        marks = re.sub(r"#[^\n]*", "", text[before.end if before else 0 : step.start])
        if step.before in ("(", ")") and step.before not in marks:
            marks = step.before  # of a command that is given to a shell
        if self._lines and self._moved and before and _line_ends(text, before, step):
            self._last += 1
            self.folder, self._moved = self._last, False
        for mark in marks:
            if mark == "(":
                self._outer.append((self.now, self.folder))
            elif mark == ")" and self._outer:
                self.now, self.folder = self._outer.pop()
            elif mark == ")":
                self.another()


def marked(
    items: Iterable[Requirement],
    text: str,
    steps: list[Step],
    lists: Lists,
    doubtful: frozenset[int] = frozenset(),
    *,
    docker: bool,
    made: bool,
) -> tuple[list[Requirement], Used]:
    """Return what a script installs, with a note at what it replaces further down.

    `steps` are its commands as a board may run them, `lists` gives what a requirements file asks
    for; `docker` tells that it is a Dockerfile, `made` that it is a Makefile or a justfile,
    `doubtful` are lines that may not be run. With it comes how it uses such files.
    """
    done = [
        dataclasses.replace(item, sure=False)
        if doubtful and text.count("\n", 0, item.step.start) + 1 in doubtful
        else item
        for item in _done(text, steps, lists, docker=docker, made=made)
    ]
    result = list(items)
    edited = _edited(steps, lists)
    used = Used({file: text.count("\n", 0, at) + 1 for file, at in edited.items()}, {*edited})
    if len(done) > MOST:
        return result, used
    for number, early in enumerate(done):
        for entry in early.installed:
            first = text.count("\n", 0, early.step.start) + 1
            gone = any(_replaces(late, early, entry) for late in done[number + 1 :])
            if entry.file and edited.get(entry.file, early.step.start) < early.step.start:
                continue
            if entry.file and gone:
                used.changed.setdefault(entry.file, first)
            elif entry.file:
                used.plain.add(entry.file)
            elif gone:
                last = text.count("\n", 0, early.step.end) + 1
                note = STOPS if early.stops else REPLACED
                result = [
                    dataclasses.replace(item, replaced=note)
                    if item.name == entry.name
                    and item.text == entry.text
                    and first <= item.line <= last
                    else item
                    for item in result
                ]
    return result, used


def _edited(steps: list[Step], lists: Lists) -> dict[str, int]:
    """Return the requirements files whose MediaPipe a script changes, each with where it does."""
    result: dict[str, int] = {}
    for step in steps:
        command = invocation.started(step.words)
        if command and command[0] in EDITORS and "mediapipe" in " ".join(command).lower():
            for word in command[1:]:
                for entry in lists(word) if word.endswith((".txt", ".in")) else ():
                    result.setdefault(entry.file, step.start)
    return result


def _replaces(late: _Done, early: _Done, entry: Requirement) -> bool:
    """Return whether what a command installs is gone after another one, wherever both are run."""
    if not late.sure or late.scope != early.scope or late.place != early.place:
        return False
    if any("$" in word for word in late.place):
        return False  # its value may be another one
    own = early.step.path[len(late.step.path) :]
    if early.step.path[: len(late.step.path)] != late.step.path or any(arm < 0 for _, arm in own):
        return False
    if entry.name in late.removed:
        return True
    for other in late.installed:
        if other.name == entry.name and not other.marker:
            exact = bool(other.source) or re.fullmatch(r"===?[^*,]+", other.specifier.strip())
            there = not TARGETS.isdisjoint(late.place)  # pip leaves what is in a folder
            if late.forced or (exact and not there and other.specifier != entry.specifier):
                return True
    return False


def _done(
    text: str, steps: list[Step], lists: Lists, *, docker: bool, made: bool
) -> Iterator[_Done]:
    lines = docker or made
    errexit = (TOLD_TO_STOP if lines else STOPPING).search(text) is not None
    targets = [match.start() for match in TARGET.finditer(text)] if made else []
    reached = 0
    scopes, sure = _Scopes(lines=lines), True
    written = heredocs.written(text)
    steps = [step for step in steps if not heredocs.within(step.start, written)]
    for number, step in enumerate(steps):
        before = steps[number - 1].words if number else []
        # What comes behind && is run where what comes before it is and goes well.
        chained = step.before != "&&" or (sure and (docker or _goes_on(before)))
        sure = step.before not in ("||", "&") and chained
        scopes.reach(text, steps[number - 1] if number else None, step)
        if bisect.bisect(targets, step.start) != reached:
            reached = bisect.bisect(targets, step.start)
            scopes.another()
        if _another(step.words):
            scopes.another()
            continue
        scopes.moves(step.words)
        place = _place(step.words)
        if place is None:
            continue
        following = steps[number + 1] if number + 1 < len(steps) else None
        asks = CONDITION.match(text, step.start)
        ends = lines and (following is None or _line_ends(text, step, following))
        fails = (errexit or ends) and not asks
        yield _Done(
            step,
            (*place, f"in {scopes.folder}") if _is_in_folder(place) else place,
            scopes.now,
            _installed(step.words, lists),
            _removed(step, before),
            not FORCING.isdisjoint(step.words),
            sure and "--dry-run" not in step.words,
            _stops(following, errexit=fails),
        )


def _line_ends(text: str, step: Step, following: Step) -> bool:
    """Return whether an instruction or a line of make's ends between two commands."""
    return LINE_END.search(text, step.end, following.start) is not None


def _is_in_folder(place: tuple[str, ...]) -> bool:
    """Return whether it depends on the folder which environment a place is."""
    if "--system" in place:
        return False
    at = next((n for n, word in enumerate(place) if word.partition("=")[0] in PLACES), len(place))
    values = [word.partition("=")[2] or word for word in place[at:]]
    return any(word in IN_FOLDER or RELATIVE.match(word) for word in place[:at]) or any(
        word[:1] not in "-/" for word in values
    )


def _installed(words: list[str], lists: Lists) -> list[Requirement]:
    """Return what a command installs, by itself and by the lists that it is given."""
    if "install" not in words:
        return []
    result = installers.command(words, "", 0)
    for at, word in enumerate(words):
        match = LISTED.match(word)
        if match:
            path = match[1] or (words[at + 1] if at + 1 < len(words) else "")
            result += [item for item in lists(path) if "mediapipe" in item.name]
    return result


def _stops(following: Optional[Step], *, errexit: bool) -> bool:
    """Return whether a script ends where this command fails, by what stands behind it."""
    before = following.before if following is not None else "\n"
    if before == "||" and following is not None:
        return following.words[0] in ENDS
    return before == "&&" or (errexit and before != "|")


def _another(words: list[str]) -> bool:
    """Return whether what follows may be another environment, or not run after this."""
    command = invocation.started(words)
    name = words[-1].rsplit("/", 1)[-1] if words[0] in ("source", ".") else words[0]
    if name in ANOTHER or (words[0] in ENVIRONMENTS and "activate" in words):
        return True
    if words[0] in ENDS:
        return words[1:2] in ([], ["0"])
    paths = words[1:] if words[0] in ("export", "ENV", "ARG") else words
    return (
        bool(paths) and PATHS.match(paths[0]) is not None and (command != words or "ENV" in words)
    )


def _goes_on(words: list[str]) -> bool:
    command = invocation.started(words)
    return bool(command) and (command[0] in GOES_ON or PIP.fullmatch(command[0]) is not None)


def _place(words: list[str]) -> Optional[tuple[str, ...]]:
    """Return what tells a command of pip's in which environment it works; None for another one."""
    verb = next((n for n, word in enumerate(words) if word in ("install", "uninstall")), 0)
    if not verb or invocation.only_says(words):
        return None
    tools = [word for word in words[:verb] if word not in PLAIN]
    match = PIP.fullmatch(tools[-1]) if tools else None
    if match is None:
        return None
    python = tools[-2] if len(tools) > 1 and PYTHON.fullmatch(tools[-2]) else ""
    if python:
        tools = tools[:-1]
    # pip, pip3 and python3 -m pip are one.
    tools[-1] = re.sub(r"(?:python|pip)3?$", "pip", tools[-1])
    tools[-1] = re.sub(r"python(?=3\.\d+$)", "pip", tools[-1])
    places = []
    for at, word in enumerate(words[verb + 1 :], verb + 1):
        if word.partition("=")[0] in PLACES:
            places += words[at : at + 1 + (word in VALUED)]
    return (*tools, *places)


def _removed(step: Step, before: list[str]) -> frozenset[str]:
    """Return the packages that a command takes away without a question."""
    if "uninstall" not in step.words:
        return frozenset()
    piped = step.before == "|" and "yes" in before
    if not piped and YES.isdisjoint(step.words) and "uv" not in step.words:
        return frozenset()
    names = step.words[step.words.index("uninstall") + 1 :]
    return frozenset(re.sub(r"[-_.]+", "-", name).lower() for name in names if name[:1] != "-")
