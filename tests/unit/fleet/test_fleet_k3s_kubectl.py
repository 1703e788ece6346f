"""What kubectl says where it can't ask a cluster, and the one line and exit code of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.core.errors import (
    BadInputError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.fleet.k3s import cluster, kubectl

LOG = 'E1129 12:32:18.9 10580 memcache.go:265] "Unhandled Error" err="couldn\'t get ...: {}"\n'
CANT = "Unable to connect to the server: "
X509 = CANT + "tls: failed to verify certificate: x509: "


@pytest.mark.parametrize(
    ("output", "kind", "expected"),
    [
        ('error: error loading config file "/a": yaml: line 1: did not', BadInputError,
         'configuration can\'t be used: error loading config file "/a": yaml: line 1: did not'),
        ("The connection to the server localhost:8080 was refused - did you specify", BadInputError,
         "names no cluster"),
        ("error: You must be logged in to the server (the server has asked)", StepFailedError,
         "can't log in to the cluster: You must be logged in"),
        ("Unable to connect to the server: getting credentials: exec: executable p not found\n\n"
         "It looks like you are trying to use a client-go credential plugin that is not installed.",
         ToolMissingError, "exec: executable p not found"),
        ("Unable to connect to the server: dial tcp 192.0.2.1:6443: i/o timeout", NetworkError,
         "does not answer: Unable to connect to the server: dial tcp 192.0.2.1:6443: i/o timeout"),
        ("Unable to connect to the server: net/http: TLS handshake timeout", NetworkError,
         "does not answer"),
        ('Error from server (Forbidden): nodes is forbidden: User "x" cannot list', StepFailedError,
         "lets kubectl's user not look"),
        ("The config profile (a) could not be found\nprofile not found: is it forbidden?\n" + CANT
         + "getting credentials: exec: executable aws failed with exit code 253", StepFailedError,
         "can't log in to the cluster: The config profile (a)"),
        ("error in configuration: localhost:8080\n" + CANT
         + "getting credentials: exec: executable p failed with exit code 1", StepFailedError,
         "can't log in to the cluster"),
        (CANT + "getting credentials: exec: fork/exec /opt/a b: no such file or directory",
         ToolMissingError, "can't log in to the cluster"),
        (CANT + "getting credentials: exec: fork/exec /p: permission denied", StepFailedError,
         "can't log in to the cluster"),
        (CANT + "remote error: tls: expired certificate", StepFailedError, "can't log in"),
        (CANT + "Forbidden", NetworkError, "the proxy does not let kubectl through"),
        (CANT + "Proxy Authentication Required", NetworkError, "the proxy does not let"),
        (CANT + "Bad Gateway", NetworkError, "the proxy does not let"),
        (CANT + "Unauthorized", NetworkError, "the proxy does not let"),
        (CANT + "proxyconnect tcp: EOF", NetworkError, "the proxy does not let"),
        (X509 + "certificate signed by unknown authority", BadInputError,
         "does not trust the API server's certificate"),
        (X509 + 'certificate signed by unknown authority (possibly because of "crypto/rsa: '
         'verification error" while trying to verify candidate authority certificate "k3s")',
         BadInputError, "does not trust the API server's certificate"),
        (X509 + "certificate has expired or is not yet valid: current time 2026-11-29T13:28:10Z is "
         "after 2025-11-29T13:28:10Z", StepFailedError, "is not valid at this machine's time"),
        (X509 + "certificate is valid for 10.43.0.1, 127.0.0.1, not 192.0.2.1", BadInputError,
         "is for another name than kubectl's context asks"),
        (X509 + "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
         BadInputError, "is for another name than kubectl's context asks"),
        ("Error from server (ServiceUnavailable): the server is currently unable to handle the "
         "request", StepFailedError, "the API server can't answer now"),
        ("Error from server (Timeout): the server was unable to return a response in the time "
         "allotted, but may still be processing the request", StepFailedError, "can't answer now"),
        ("Error from server: etcdserver: request timed out", StepFailedError, "can't answer now"),
        ("Error from server: etcdserver: leader changed", StepFailedError, "can't answer now"),
        ("Error from server (TooManyRequests): too many requests", StepFailedError,
         "can't answer now"),
        ("EOF\nEOF", StepFailedError, "can't log in to the cluster: EOF"),
        ("error: invalid character '<' looking for beginning of value", StepFailedError,
         "kubectl failed: invalid character '<'"),
        ("", StepFailedError, "kubectl failed: exit code 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "log",
    [
        "",
        LOG.format("forgotten"),
        LOG.format("Unauthorized, x509: none, etcdserver: no"),
        "E1129 12:28:21.3 1 a.go:2] err=<\n\tx\n >\n",
    ],
)
def test_what_kubectl_says_is_one_line_of_its_kind(
    output: str, kind: type[KitError], expected: str, log: str
) -> None:
    error = kubectl._failed("", 1, log + output)
    assert type(error) is kind
    assert expected in error.message
    assert "\n" not in error.line()
    assert ".go:" not in error.line()


@pytest.mark.parametrize(
    "text", ["", "<html>", "[]", "7", '{"items": []}', '{"kind": "Node"}', "[" * 9999]
)
def test_an_answer_that_is_no_list_of_objects(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer").write_text(text)
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\nexec cat {tmp_path}/answer\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StepFailedError, match="no list of objects"):
        cluster.read()
