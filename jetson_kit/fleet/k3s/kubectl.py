"""Asks the cluster of kubectl's context; what kubectl can't do is one line, of the right kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jetson_kit.core.errors import (
    BadInputError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.run import NETWORK_WORDS, run
from jetson_kit.core.text import plain

KUBECTL = "kubectl"
TIMEOUT_S = 120.0
FILES = "or give files: --from"
# What client-go's log begins a line with; lines that begin with a tab or a space go on with it.
LOG = re.compile(r"[EWIF][0-9]{4} [0-9:.]+ ")
ASKS = "please enter username"


@dataclass(frozen=True)
class Rule:
    """What it means when kubectl says one of some words, and what to do."""

    words: tuple[str, ...]
    kind: type[KitError]
    message: str
    cure: str


# The first that fits counts.
RULES = (
    Rule(
        (
            "error loading config file",
            "error in configuration",
            "invalid configuration",
            "context was not found",
            "no context exists",
            "no server found for cluster",
            "must be a url",
            "unable to read client-",
            "unable to load root certificates",
        ),
        BadInputError,
        "kubectl's configuration can't be used",
        "look at kubectl config view",
    ),
    # Where kubectl looks without a configuration that names a cluster.
    Rule(
        ("localhost:8080",),
        BadInputError,
        "kubectl's configuration names no cluster",
        "set KUBECONFIG, or kubectl config use-context",
    ),
    Rule(
        ("exec: executable", "not found"),
        ToolMissingError,
        "kubectl can't log in to the cluster",
        "install the credential plugin",
    ),
    Rule(
        ("must be logged in", "unauthorized", "getting credentials", ASKS),
        StepFailedError,
        "kubectl can't log in to the cluster",
        "correct the user of kubectl's context",
    ),
    Rule(
        ("forbidden",),
        StepFailedError,
        "the cluster lets kubectl's user not look",
        "let it list nodes, RuntimeClasses, and all namespaces' DaemonSets, pods and events",
    ),
    Rule(
        (
            *NETWORK_WORDS,
            "tls handshake timeout",
            "client.timeout",
            "context deadline exceeded",
            "connection reset",
            "no route to host",
            "unexpected eof",
            "the connection to the server",
        ),
        NetworkError,
        "the API server of kubectl's context does not answer",
        "look at kubectl cluster-info",
    ),
)
OTHER = Rule((), StepFailedError, "kubectl failed", "look at kubectl cluster-info")


def ask(words: Sequence[str]) -> str:
    """Return what kubectl prints. Raises BadInputError, ToolMissingError, NetworkError, ...

    StepFailedError where the cluster refuses, or nothing comes in time.
    """
    command = [KUBECTL, *words, "--output=json", "--request-timeout=60s"]
    return run(command, what="asking the cluster", timeout_s=TIMEOUT_S, failed=_failed)


def _failed(what: str, code: int, stderr: str) -> KitError:
    """Return the error for what kubectl said: its own words, without client-go's log of them."""
    del what
    lines = _lines(stderr)
    said = plain("; ".join(lines)) or f"exit code {code}"
    rule = next((rule for rule in RULES if _fits(rule, stderr, lines)), OTHER)
    return rule.kind(f"{rule.message}: {said}", f"{rule.cure}, {FILES}")


def _fits(rule: Rule, stderr: str, lines: Sequence[str]) -> bool:
    if rule.kind is ToolMissingError:
        return all(word in stderr.lower() for word in rule.words)
    # All that a prompt for a user's name says where nobody is.
    return any(word in stderr.lower() for word in rule.words) or (
        ASKS in rule.words and lines == ["EOF"]
    )


def _lines(stderr: str) -> list[str]:
    """Return kubectl's last paragraph but its help, without the lines of the log."""
    result: list[str] = []
    logged = False
    for line in stderr.splitlines():
        logged = bool(LOG.match(line)) or (logged and line[:1] in ("\t", " "))
        if not logged:
            result.append(line.strip())
    # What follows an empty line is help, not what went wrong.
    first = "\n".join(result).strip().partition("\n\n")[0]
    words = (line.removeprefix("error: ").removeprefix("* ") for line in first.splitlines())
    return list(dict.fromkeys(words))
