"""The pip commands of a script: what they do, where, and whether they stop it."""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Optional

from mediapipe_jetson.doctor.files import heredocs, installers, invocation
from mediapipe_jetson.doctor.files.branches import Step
from mediapipe_jetson.doctor.files.facts import Requirement

PIP = re.compile(r"(?P<folder>.*/)?pip(?P<version>[\d.]*)|(?P<variable>\$\{?\w*PIP\w*\}?)")
PYTHON = re.compile(r"(?:\S*/)?python[\d.]*")
# Options of pip itself that do not decide where it installs.
PLAIN = {"-m", "-q", "-qq", "--quiet", "-v", "--no-cache-dir", "--disable-pip-version-check", "-y"}
PLAIN |= {"--no-input", "-H", "-E", "-I"}
PLACES = {"-t", "--target", "--prefix", "--root", "--user", "-p", "--python", "--system"}
VALUED = PLACES - {"--user", "--system"}
TARGETS = {"-t", "--target"}
FORCING = {"-U", "--upgrade", "--force-reinstall", "-I", "--ignore-installed", "--reinstall"}
YES = {"-y", "--yes"}
# Another environment, another place, or an end that is no failure: what follows is not compared.
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
EXITS = {"exit", "return"}
PATHS = re.compile(r"(?:PATH|VIRTUAL_ENV|CONDA_PREFIX|PYENV_\w+|PYTHONUSERBASE|PIP_\w+)=?")
STOPPING = re.compile(
    r"^#!.*sh\s+-\w*e|^[ \t]*set\s+(?:-\w+\s+)*-(?:\w*e|o\s+errexit)", re.MULTILINE
)
# Commands before && that are no conditions.
GOES_ON = {"pip", "uv", "apt", "apt-get", "cd", "rm", "mkdir", "echo", "export", "curl", "wget"}
GOES_ON |= {"sleep", "ldconfig", "cp", "mv", "yes", "python", "python3"}
LISTED = re.compile(r"(?:-r|--requirement)(?:=|$)?(.*)$")
# A line of make's or just's that begins what is run by its own name, or where make wants it.
TARGET = re.compile(r"^(?:if|else|endif)|^[^\s#][^\n]*?:(?![:=])", re.MULTILINE)
# Options and tools that keep to the folder they are run in.
IN_FOLDER = {"uv", "poetry", "pipenv", "pdm"}
RELATIVE = re.compile(r"[^/~$-][^/]*/")
MOVES = {"cd", "pushd", "popd"}
# In a build and in make a shell goes on after ; unless an option stops it, here or for all.
TOLD_TO_STOP = re.compile(r"\b(?:set|\w*sh)\b[^\n;&|]{0,80}?\s\[?[\"']?-\w*e|errexit")
ALL_STOP = re.compile(r"^[ \t]*\.?SHELL(?:FLAGS)?\b[^\n]{0,80}?[\s\"']-[a-zA-Z]*e", re.MULTILINE)
LINE_END = re.compile(r"(?<!\\)(?<!\\\r)\n")
# A comment does not end the command that contains it.
COMMENT = re.compile(r"^[ \t]*#[^\n]*\n", re.MULTILINE)
# A command that decides on what follows stops nothing.
CONDITION = re.compile(r"\s*(?:RUN\s+)?(?:(?:then|do|else)\s+)?(?:if|elif|while|until)\s")

Lists = Callable[[str], list[Requirement]]


@dataclasses.dataclass(frozen=True)
class Done:
    """A command of pip's: what it does, in which environment and under which conditions."""

    step: Step
    place: tuple[str, ...]
    scope: int
    installed: list[Requirement]
    removed: frozenset[str]
    forced: bool
    sure: bool
    stops: bool
    chain: int
    """Which && it stands in: what is behind it there is not run where it fails."""
    tried: bool
    """Whether something else is done where it fails."""


class _Shells:
    """Which commands one shell runs: an instruction's, a line of make's, a heredoc's, or all."""

    def __init__(self, text: str, *, lines: bool) -> None:
        self._text, self._lines = text, lines
        self.heredocs = heredocs.Heredocs(text)
        flat = COMMENT.sub(lambda match: " " * len(match[0]), text)
        line_ends = LINE_END.finditer(flat) if lines else ()
        self._line_ends = [0, *(match.end() for match in line_ends), len(text)]
        self._all_stop = (ALL_STOP if lines else STOPPING).search(text) is not None

    def of(self, at: int) -> tuple[int, int]:
        """Return where the commands of a shell begin and end."""
        script = self.heredocs.holding(at)
        if script is not None:
            return script.head, script.end
        number = min(bisect.bisect_right(self._line_ends, at), len(self._line_ends) - 1)
        return self._line_ends[number - 1], self._line_ends[number]

    def stops(self, step: Step) -> bool:
        """Return whether a shell has an option to stop where a command fails."""
        begin, end = self.of(step.start)
        return self._all_stop or (
            self._lines and TOLD_TO_STOP.search(self._text, begin, end) is not None
        )

    def shell_ends(self, step: Step, following: Optional[Step]) -> bool:
        """Return whether a shell ends between two commands of a build or of make's."""
        last = following is None or self.of(step.start) != self.of(following.start)
        return self._lines and last


class _Scopes:
    """Which environment and folder commands are in, by numbers.

    Those of a shell of its own end with it.
    """

    def __init__(self, shells: _Shells) -> None:
        self.now = self.folder = self._last = 0
        self._shells, self._moved = shells, False
        self._outer: list[tuple[int, int]] = []

    def another(self) -> None:
        """Begin another environment."""
        self._last += 1
        self.now = self._last

    def moves(self, tokens: list[str]) -> None:
        """Follow a command's change of the folder that later ones are run in."""
        command = invocation.started(tokens)
        if tokens[0] == "WORKDIR" or (command and command[0] in MOVES):
            self._last += 1
            self.folder, self._moved = self._last, tokens[0] != "WORKDIR"

    def reach(self, text: str, before: Optional[Step], step: Step) -> None:
        """Follow the brackets from one command to the next."""
        marks = re.sub(r"#[^\n]*", "", text[before.end if before else 0 : step.start])
        if step.before in ("(", ")") and step.before not in marks:
            marks = step.before  # of a command that is given to a shell
        if self._moved and before and self._shells.shell_ends(before, step):
            self._last += 1
            self.folder, self._moved = self._last, False
        for mark in marks:
            if mark == "(":
                self._outer.append((self.now, self.folder))
            elif mark == ")" and self._outer:
                self.now, self.folder = self._outer.pop()
            elif mark == ")":
                self.another()


def done(
    text: str, steps: list[Step], lists: Lists, *, docker: bool, makefile: bool
) -> Iterator[Done]:
    """Yield what a script's pip commands do.

    `docker`: the script is a Dockerfile; `makefile`: it is a Makefile or a justfile.
    """
    shells = _Shells(text, lines=docker or makefile)
    targets = [match.start() for match in TARGET.finditer(text)] if makefile else []
    reached = 0
    scopes, sure, chain = _Scopes(shells), True, 0
    steps = [step for step in steps if shells.heredocs.is_run(step.start)]
    for number, step in enumerate(steps):
        before = steps[number - 1].tokens if number else []
        chain += step.before != "&&"
        # A command after && is run if the one before it is run and succeeds.
        chained = step.before != "&&" or (sure and (docker or _goes_on(before)))
        sure = step.before not in ("||", "&") and chained
        scopes.reach(text, steps[number - 1] if number else None, step)
        if bisect.bisect(targets, step.start) != reached:
            reached = bisect.bisect(targets, step.start)
            scopes.another()
        if _another(step.tokens):
            scopes.another()
            continue
        scopes.moves(step.tokens)
        place = _place(step.tokens)
        if place is None:
            continue
        asks = CONDITION.match(text, step.start)
        yield Done(
            step,
            (*place, f"in {scopes.folder}") if _is_in_folder(place) else place,
            scopes.now,
            _installed(step.tokens, lists),
            _removed(step, before),
            not FORCING.isdisjoint(step.tokens),
            sure and "--dry-run" not in step.tokens,
            not asks and _stops(shells, steps, number),
            chain,
            bool(asks) or _marks(steps, _end(steps, number)) == "||",
        )


def _is_in_folder(place: tuple[str, ...]) -> bool:
    """Return whether it depends on the folder which environment a place is."""
    if "--system" in place:
        return False
    at = next((n for n, word in enumerate(place) if word.partition("=")[0] in PLACES), len(place))
    values = [word.partition("=")[2] or word for word in place[at:]]
    return any(word in IN_FOLDER or RELATIVE.match(word) for word in place[:at]) or any(
        word[:1] not in "-/" for word in values
    )


def _installed(tokens: list[str], lists: Lists) -> list[Requirement]:
    """Return what a command installs, by itself and by the lists that it is given."""
    if "install" not in tokens:
        return []
    result = installers.command(tokens, "", 0)
    for at, word in enumerate(tokens):
        match = LISTED.match(word)
        if match:
            path = match[1] or (tokens[at + 1] if at + 1 < len(tokens) else "")
            result += [item for item in lists(path) if "mediapipe" in item.name]
    return result


def _end(steps: list[Step], number: int) -> int:
    """Return the number of the first command after a command's chain of &&."""
    end = number + 1
    while _marks(steps, end) == "&&":
        end += 1
    return end


def _marks(steps: list[Step], number: int) -> str:
    """Return the mark before a command, "" where there is none."""
    return steps[number].before if number < len(steps) else ""


def _stops(shells: _Shells, steps: list[Step], number: int) -> bool:
    """Return whether a script ends where this command fails, by what follows it."""
    end = _end(steps, number)
    following = steps[end] if end < len(steps) else None
    if following is not None and following.before in ("||", "|"):
        return following.before == "||" and following.tokens[0] in EXITS
    # A shell with that option goes on where another command than the last of an && fails.
    last = end == number + 1
    return shells.shell_ends(steps[end - 1], following) or (last and shells.stops(steps[number]))


def _another(tokens: list[str]) -> bool:
    """Return whether what follows may be another environment, or not run after this."""
    command = invocation.started(tokens)
    name = tokens[-1].rsplit("/", 1)[-1] if tokens[0] in ("source", ".") else tokens[0]
    if name in ANOTHER or (tokens[0] in ENVIRONMENTS and "activate" in tokens):
        return True
    if tokens[0] in EXITS:
        return tokens[1:2] in ([], ["0"])
    paths = tokens[1:] if tokens[0] in ("export", "ENV", "ARG") else tokens
    return (
        bool(paths) and PATHS.match(paths[0]) is not None and (command != tokens or "ENV" in tokens)
    )


def _goes_on(tokens: list[str]) -> bool:
    command = invocation.started(tokens)
    return bool(command) and (command[0] in GOES_ON or PIP.fullmatch(command[0]) is not None)


def _place(tokens: list[str]) -> Optional[tuple[str, ...]]:
    """Return the words by which a pip command finds its environment; None for another command."""
    verb = next((n for n, word in enumerate(tokens) if word in ("install", "uninstall")), 0)
    if not verb or invocation.only_says(tokens):
        return None
    tools = [word for word in tokens[:verb] if word not in PLAIN]
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
    for at, word in enumerate(tokens[verb + 1 :], verb + 1):
        if word.partition("=")[0] in PLACES:
            places += tokens[at : at + 1 + (word in VALUED)]
    return (*tools, *places)


def _removed(step: Step, before: list[str]) -> frozenset[str]:
    """Return the packages that a command takes away without a question."""
    if "uninstall" not in step.tokens:
        return frozenset()
    piped = step.before == "|" and "yes" in before
    if not piped and YES.isdisjoint(step.tokens) and "uv" not in step.tokens:
        return frozenset()
    names = step.tokens[step.tokens.index("uninstall") + 1 :]
    return frozenset(re.sub(r"[-_.]+", "-", name).lower() for name in names if name[:1] != "-")
