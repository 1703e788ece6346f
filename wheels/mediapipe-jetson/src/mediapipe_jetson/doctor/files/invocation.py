"""Which program a command starts: its first word after sudo, env, then and their like."""

from __future__ import annotations

import re

SET = re.compile(r"[A-Za-z_]\w*\+?=")
# Words of a shell that a command may follow.
SHELL = {"then", "do", "else", "elif", "if", "while", "until", "{", "!", "time"}
# Programs that start another one: their options that take a value, and words of their own
# before the program, such as a time limit.
STARTERS: dict[tuple[str, ...], tuple[set[str], int]] = {
    ("sudo",): ({"-u", "--user", "-g", "--group", "-C", "-D", "-h", "-p", "-r", "-t", "-T"}, 0),
    ("doas",): ({"-u", "-C"}, 0),
    ("env",): ({"-u", "--unset", "-C", "--chdir"}, 0),
    ("exec",): ({"-a"}, 0),
    ("nice",): ({"-n"}, 0),
    ("ionice",): ({"-c", "-n"}, 0),
    ("chrt",): ({"-T", "-P", "-D"}, 1),
    ("taskset",): (set(), 1),
    ("numactl",): ({"-m", "-N", "-C"}, 0),
    ("stdbuf",): ({"-i", "-o", "-e"}, 0),
    ("timeout",): ({"-k", "--kill-after", "-s", "--signal"}, 1),
    ("flock",): ({"-w", "--timeout", "-E"}, 1),
    ("chroot",): (set(), 1),
    ("gosu",): (set(), 1),
    ("su-exec",): (set(), 1),
    ("setsid",): (set(), 0),
    ("unbuffer",): (set(), 0),
    ("tini",): ({"-p", "-e"}, 0),
    ("dumb-init",): ({"-r"}, 0),
    ("command",): (set(), 0),
    ("builtin",): (set(), 0),
    ("nohup",): (set(), 0),
    ("xvfb-run",): ({"-s", "-n", "-a"}, 0),
    ("uvx",): ({"--from", "--with", "-p", "--python"}, 0),
    **{
        (tool, "run"): ({"-n", "--name", "-p", "--prefix", "--cwd"}, 0)
        for tool in ("conda", "mamba", "micromamba")
    },
    ("poetry", "run"): (set(), 0),
    ("pipenv", "run"): (set(), 0),
    ("pixi", "run"): ({"-e", "--environment", "--manifest-path"}, 0),
    ("uv", "run"): ({"--with", "-p", "--python", "--project", "--extra", "--group"}, 0),
}
# What writes its words, or takes them as names of files or of a system's packages.
SAYING = {"echo", "printf", "cat", "grep", "egrep", "sed", "awk", "tail", "head", "less", "more"}
SAYING |= {"ls", "cp", "mv", "rm", "touch", "logger", "alias", "man", "which", ":", "true", "false"}
SAYING |= {"test", "[", "[[", "mkdir", "chmod", "chown", "ln"}
SAYING |= {"apt", "apt-get", "apk", "dnf", "yum"}


def started(tokens: list[str]) -> list[str]:
    """Return a command from its program on, which is named without its folder."""
    rest = list(tokens)
    while rest:
        name = rest[0].rsplit("/", 1)[-1]
        if SET.match(rest[0]) or name in SHELL:
            rest = rest[1:]
            continue
        starter = next((s for s in ((name, *rest[1:2]), (name,)) if s in STARTERS), None)
        behind = _behind(rest[len(starter) :], *STARTERS[starter]) if starter else []
        if not behind:
            return [name, *rest[1:]]
        rest = behind
    return []


def without_shell(tokens: list[str]) -> list[str]:
    """Return a command without the shell's own words before it, such as then."""
    at = next((n for n, word in enumerate(tokens) if word not in SHELL), len(tokens))
    return tokens[at:]


def _behind(arguments: list[str], valued: set[str], own: int) -> list[str]:
    """Return what follows a starter's own options and arguments."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 2 if arguments[at] in valued else 1
    return arguments[at + own :]


def only_says(tokens: list[str]) -> bool:
    """Return whether a command writes its arguments instead of running them."""
    command = started(tokens)
    return bool(command) and command[0] in SAYING
