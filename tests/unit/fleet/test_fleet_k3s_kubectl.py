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


@pytest.mark.parametrize(
    ("said", "kind", "words"),
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
        ("EOF\nEOF", StepFailedError, "can't log in to the cluster: EOF"),
        ("error: invalid character '<' looking for beginning of value", StepFailedError,
         "kubectl failed: invalid character '<'"),
        ("", StepFailedError, "kubectl failed: exit code 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "log", ["", LOG.format("forgotten"), "E1129 12:28:21.3 1 a.go:2] err=<\n\tx\n >\n"]
)
def test_what_kubectl_says_is_one_line_of_its_kind(
    said: str, kind: type[KitError], words: str, log: str
) -> None:
    error = kubectl._failed("", 1, log + said)
    assert type(error) is kind
    assert words in error.message
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
