"""Which program a command starts: its first word after sudo, env, then and their like."""

from __future__ import annotations

import re

SET = re.compile(r"[A-Za-z_]\w*\+?=")
# Words of a shell's that a command may stand behind.
SHELL = {"then", "do", "else", "elif", "if", "while", "until", "{", "!", "time"}
# Programs that start another one, and their options that take a value.
STARTERS = {
    "sudo": {"-u", "--user", "-g", "--group", "-C", "-D", "-h", "-p", "-r", "-t", "-T"},
    "env": {"-u", "--unset", "-C", "--chdir"},
    "exec": {"-a"},
    "nice": {"-n"},
    "command": set(),
    "builtin": set(),
    "nohup": set(),
    "xvfb-run": {"-s", "-n", "-a"},
    "uvx": {"--from", "--with", "-p", "--python"},
}
# What writes its words, or takes them as names of files or of a system's packages.
SAYING = {"echo", "printf", "cat", "grep", "egrep", "sed", "awk", "tail", "head", "less", "more"}
SAYING |= {"ls", "cp", "mv", "rm", "touch", "logger", "alias", "man", "which", ":", "true", "false"}
SAYING |= {"test", "[", "[[", "mkdir", "chmod", "chown", "ln"}
SAYING |= {"apt", "apt-get", "apk", "dnf", "yum"}


def started(words: list[str]) -> list[str]:
    """Return a command from its program on, which is named without its folder."""
    rest = list(words)
    while rest:
        name = rest[0].rsplit("/", 1)[-1]
        if SET.match(rest[0]) or name in SHELL:
            rest = rest[1:]
        elif name in STARTERS and len(rest) > 1:
            rest = _behind(rest[1:], STARTERS[name])
        else:
            return [name, *rest[1:]]
    return []


def without_shell(words: list[str]) -> list[str]:
    """Return a command without the shell's own words before it, such as then."""
    at = next((n for n, word in enumerate(words) if word not in SHELL), len(words))
    return words[at:]


def _behind(words: list[str], valued: set[str]) -> list[str]:
    """Return what stands behind a starter's own options."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in valued else 1
    return words[at:]


def only_says(words: list[str]) -> bool:
    """Return whether a command writes its words instead of doing what they say."""
    command = started(words)
    return bool(command) and command[0] in SAYING
