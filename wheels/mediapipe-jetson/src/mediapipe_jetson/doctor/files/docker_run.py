"""Read `docker run` and its like: the options that a container is started with."""

from __future__ import annotations

import re

# Options of docker run and create that take no value.
FLAGS = {
    "-d",
    "--detach",
    "-i",
    "--interactive",
    "-t",
    "--tty",
    "-P",
    "--publish-all",
    "-q",
    "--quiet",
}
FLAGS |= {"--rm", "--init", "--privileged", "--read-only", "--no-healthcheck", "--oom-kill-disable"}
FLAGS |= {"--sig-proxy", "--disable-content-trust", "--replace", "--rmi", "--tls-verify"}
# A line that people copy: a command with any prompt before it.
COPIED = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:\S*[$#>%]\s+)?`?((?:sudo\s+)?(?:docker|podman|nerdctl)\s.*)$"
)


def shown(text: str) -> str:
    """Return the commands that a document shows, on the document's own lines; others are empty."""
    result, goes_on = [], False
    for line in text.splitlines():
        match = COPIED.match(line)
        command = line if goes_on else match.group(1) if match else ""
        command = command.rstrip().rstrip("`")
        for mark in "'\"":
            command = command.replace(mark, "") if command.count(mark) % 2 else command
        goes_on = bool(command) and command.endswith("\\")
        result.append(command)
    return "\n".join(result)


def gpus_alone(tokens: list[str]) -> bool:
    """Return whether a command starts a container with --gpus and without NVIDIA's runtime."""
    given = started(tokens)
    runtimes = [value for name, value in given if name == "--runtime"]
    return any(name == "--gpus" for name, _ in given) and "nvidia" not in runtimes


def started(tokens: list[str]) -> list[tuple[str, str]]:
    """Return the options of docker run or create, not what follows the image."""
    tools = [
        at
        for at, word in enumerate(tokens)
        if word.rsplit("/", 1)[-1] in ("docker", "podman", "nerdctl")
    ]
    if not tools:
        return []
    rest = tokens[tools[0] + 1 :]
    at = next((n for n, word in enumerate(rest) if word in ("run", "create")), None)
    if at is None or any(
        word in ("compose", "build", "buildx", "exec", "volume", "network") for word in rest[:at]
    ):
        return []
    result: list[tuple[str, str]] = []
    position = at + 1
    while position < len(rest) and rest[position].startswith("-"):
        name, equals, value = rest[position].partition("=")
        flag = name in FLAGS or re.fullmatch(r"-[ditPq]{2,}", name) is not None
        if not equals and not flag and position + 1 < len(rest):
            position += 1
            value = rest[position]
        result.append((name, value))
        position += 1
    return result
