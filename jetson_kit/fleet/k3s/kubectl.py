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
    """What it means when kubectl says one of some patterns, and what to do."""

    patterns: tuple[str, ...]
    kind: type[KitError]
    message: str
    cure: str


# The first that fits counts. Those of plugins come first: a plugin's own words may be any.
RULES = (
    Rule(
        (r"exec: executable \S+ not found", "exec: fork/exec .+: no such file or directory"),
        ToolMissingError,
        "kubectl can't log in to the cluster",
        "install the credential plugin",
    ),
    Rule(
        (
            "getting credentials",
            "must be logged in",
            r"error from server \(unauthorized\)",
            # What a server says of kubectl's own certificate.
            "remote error: tls: .*certificate",
            ASKS,
        ),
        StepFailedError,
        "kubectl can't log in to the cluster",
        "correct the user of kubectl's context",
    ),
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
            "server gave http response to https client",
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
        (r"error from server \(forbidden\)", "is forbidden: user "),
        StepFailedError,
        "the cluster lets kubectl's user not look",
        "let it list nodes, RuntimeClasses, and all namespaces' DaemonSets, pods and events",
    ),
    # Of a proxy that refuses, Go's HTTP client says the status alone.
    Rule(
        (
            "connect to the server: (bad request|unauthorized|forbidden|not found)$",
            "connect to the server: (method not allowed|proxy authentication required)$",
            "connect to the server: (bad gateway|service unavailable|gateway timeout)$",
            "proxyconnect tcp: ",
        ),
        NetworkError,
        "the proxy does not let kubectl through",
        "set NO_PROXY for the server, or correct HTTPS_PROXY",
    ),
    Rule(
        ("x509: certificate has expired or is not yet valid",),
        StepFailedError,
        "the API server's certificate is not valid at this machine's time",
        "set the clock, or renew the server's certificate",
    ),
    Rule(
        (
            "x509: certificate is valid for ",
            "x509: certificate is not valid for any names",
            "x509: cannot validate certificate for ",
            "x509: certificate relies on legacy common name",
        ),
        BadInputError,
        "the API server's certificate is for another name than kubectl's context asks",
        "name the server as the certificate does, or add the name to it (k3s server --tls-san)",
    ),
    Rule(
        ("x509: ",),
        BadInputError,
        "kubectl does not trust the API server's certificate",
        "set certificate-authority of kubectl's context to the cluster's own",
    ),
    Rule(
        (
            r"error from server \((serviceunavailable|timeout|servertimeout|toomanyrequests)\)",
            "etcdserver: ",
        ),
        StepFailedError,
        "the API server can't answer now",
        "wait and run it again, or look at the control plane and its etcd",
    ),
    Rule(
        (
            *map(re.escape, NETWORK_WORDS),
            "tls handshake timeout",
            r"client\.timeout",
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


def ask(arguments: Sequence[str]) -> str:
    """Return what kubectl prints. Raises BadInputError, ToolMissingError, NetworkError, ...

    StepFailedError where the cluster refuses, or nothing comes in time.
    """
    command = [KUBECTL, *arguments, "--output=json", "--request-timeout=60s"]
    return run(command, what="asking the cluster", timeout_s=TIMEOUT_S, failed=_failed)


def _failed(what: str, code: int, stderr: str) -> KitError:
    """Return the error for kubectl's output: its own message, without client-go's log lines."""
    del what
    own = _without_log(stderr)
    lines = _lines(own)
    reason = plain("; ".join(lines)) or f"exit code {code}"
    rule = next((rule for rule in RULES if _fits(rule, "\n".join(own), lines)), OTHER)
    return rule.kind(f"{rule.message}: {reason}", f"{rule.cure}, {FILES}")


def _fits(rule: Rule, own: str, lines: Sequence[str]) -> bool:
    # All that a prompt for a user's name says where nobody is.
    return any(re.search(f"(?im){pattern}", own) for pattern in rule.patterns) or (
        ASKS in rule.patterns and lines == ["EOF"]
    )


def _without_log(stderr: str) -> list[str]:
    """Return kubectl's own lines; its log also has parts of the API that were not requested."""
    result: list[str] = []
    logged = False
    for line in stderr.splitlines():
        logged = bool(LOG.match(line)) or (logged and line[:1] in ("\t", " "))
        if not logged:
            result.append(line.strip())
    return result


def _lines(own: Sequence[str]) -> list[str]:
    """Return the first paragraph: what follows an empty line is help, not what went wrong."""
    first = "\n".join(own).strip().partition("\n\n")[0]
    lines = (line.removeprefix("error: ").removeprefix("* ") for line in first.splitlines())
    return list(dict.fromkeys(lines))
