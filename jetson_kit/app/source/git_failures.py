"""What git's and ssh's words mean when a repository can't be fetched: typed, in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jetson_kit.core import run
from jetson_kit.core.errors import BadInputError, KitError, NetworkError

COMMIT = "name a branch, tag or commit that it has"


@dataclass(frozen=True)
class FailurePattern:
    """`sign` is looked for in all that was printed, in English; `{}` is what it caught."""

    sign: re.Pattern[str]
    kind: type[KitError]
    reason: str
    cure: str


def _row(sign: str, kind: type[KitError], reason: str, cure: str) -> FailurePattern:
    return FailurePattern(re.compile(sign, re.IGNORECASE), kind, reason, cure)


# The first that fits counts: ssh's own line stands above git's "could not read from remote".
TABLE = (
    _row(r"could not resolve (?:host(?:name)?|proxy):? ([^\s:]+)|name or service not known",
         NetworkError, "the host {} is not known", "check its name and the network"),
    _row(r"host key verification failed|no \S+ host key is known",
         NetworkError, "its host key is not known or has changed",
         "compare it and put it into known_hosts: ssh HOST"),
    _row(r"permission denied \(|authentication failed|invalid username or (?:password|token)|"
         r"could not read (?:username|password)|error: (?:401|403)\b|access denied|"
         r"too many authentication failures|invalid credentials",
         NetworkError, "no access, or no such repository",
         "check the address, and the key or the login in it"),
    _row(r"ssl certificate|certificate verif|certificate problem|gnutls_handshake|"
         r"TLS connect error",
         NetworkError, "its certificate is not trusted", "install the authority's certificate"),
    _row(r"dubious ownership", BadInputError, "it belongs to another user",
         "make it yours, or list it in git's safe.directory"),
    _row(r"operation too slow|timed out|timeout was reached|connection timeout",
         NetworkError, "it does not answer in time", "check the network and run it again"),
    _row(r"couldn't connect|failed to connect|connection refused|unreachable|no route to host",
         NetworkError, "it can't be reached", "check the address and the network"),
    _row(r"error: (404|410)\b|repository (?:.* )?not found|not found\.?$|does not exist|"
         r"no such project|could not be found",
         BadInputError, "no such repository", "check the address"),
    _row(r"does not appear to be a git repository|not valid: is this a git repository|"
         r"not a git repository|invalid gitfile|bad repository|not a valid (?:bundle|repository)",
         BadInputError, "no git repository", "check the address"),
    _row(r"error: (5\d\d)\b", NetworkError, "the server answers {}", "try it later"),
    _row(r"early eof|hung up|rpc failed|connection (?:was )?(?:reset|closed)|"
         r"unexpected disconnect|transfer closed|empty reply",
         NetworkError, "the connection broke", "run it again"),
    _row(r"remote branch .* not found|couldn't find remote ref|not our ref|unable to read tree|"
         r"reference is not a tree",
         BadInputError, "no such branch, tag or commit", COMMIT),
    _row(r"unsupported protocol|unable to find remote helper|transport '.*' not allowed",
         BadInputError, "this git knows no such kind of address", "use https or ssh"),
)  # fmt: skip


def failure(what: str, code: int, stderr: str) -> KitError:
    """Return the typed error for git's or ssh's words; `what` names the step."""
    for row in TABLE:
        if match := row.sign.search(stderr):
            caught = next(filter(None, match.groups()), "")
            reason = " ".join(row.reason.format(caught).split())
            return row.kind(f"{what}: {reason}", row.cure)
    return run.failure(what, code, stderr)
