"""What can't be fetched by git: what failed, in one line with its cure, and the right exit code."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from jetson_kit.app.source import fetch, git_failures, repository
from jetson_kit.core.errors import BadInputError, KitError, NetworkError

NO_REPOSITORY = "and the repository exists.\n"
SSH = (
    "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access "
)
SSH += f"rights\n{NO_REPOSITORY}"
# As git 2.39 to 2.47 and OpenSSH print it, in the C locale.
PRINTED = {
    "ssh: Could not resolve hostname x.invalid: Name or service not known\n" + SSH: (
        NetworkError, "the host x.invalid is not known"),
    "fatal: unable to access 'https://x.invalid/y/': Could not resolve host: x.invalid\n": (
        NetworkError, "the host x.invalid is not known"),
    "git@host: Permission denied (publickey).\n" + SSH: (NetworkError, "no access"),
    "Host key verification failed.\n" + SSH: (NetworkError, "host key"),
    "ssh: connect to host h port 22: Connection timed out\n" + SSH: (NetworkError, "in time"),
    "ssh: connect to host h port 22: No route to host\n" + SSH: (NetworkError, "can't be reached"),
    "ERROR: Repository not found.\n" + SSH: (BadInputError, "no such repository"),
    "remote: The project you were looking for could not be found or you don't have permission to "
    "view it.\nfatal: repository 'https://h/x/y.git/' not found\n": (
        BadInputError, "no such repository"),
    "fatal: could not read Username for 'https://h': terminal prompts disabled\n": (
        NetworkError, "no access, or no such repository"),
    "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://h/x.git/'\n": (
        NetworkError, "no access"),
    "fatal: unable to access 'https://h/x/': The requested URL returned error: 403\n": (
        NetworkError, "no access"),
    "fatal: unable to access 'https://h/x/': The requested URL returned error: 503\n": (
        NetworkError, "the server answers 503"),
    "fatal: unable to access 'https://h/x/': SSL certificate problem: self-signed certificate\n": (
        NetworkError, "its certificate is not trusted"),
    "fatal: unable to access 'https://h/x/': server certificate verification failed. CAfile: none "
    "CRLfile: none\n": (NetworkError, "its certificate is not trusted"),
    "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early "
    "EOF\nfatal: fetch-pack: invalid index-pack output\n": (NetworkError, "the connection broke"),
    "fatal: the remote end hung up unexpectedly\n": (NetworkError, "the connection broke"),
    "fatal: detected dubious ownership in repository at '/srv/x'\n": (
        BadInputError, "another user"),
}  # fmt: skip


@pytest.mark.parametrize("printed", PRINTED)
def test_words_of_git_have_one_meaning(printed: str) -> None:
    kind, expected = PRINTED[printed]
    error = git_failures.failure("fetching https://h/x", 128, printed)
    assert type(error) is kind
    assert expected in error.message
    assert error.cure


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code = {"login": 401, "closed": 403, "down": 503}.get(self.path.split("/")[1], 404)
        self.send_response(code)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("login/x", 4, "no access, or no such repository; check the address, and the key"),
        ("closed/x", 4, "no access, or no such repository"),
        ("down/x", 4, "the server answers 503; try it later"),
        ("nothing/x", 2, "no such repository; check the address"),
    ],
)
def test_a_server_that_refuses(server: str, path: str, code: int, expected: str) -> None:
    with pytest.raises(KitError) as caught:
        fetch.of_git(f"git+{server}/{path}", "")
    assert (caught.value.exit_code, "\n" in caught.value.line()) == (code, False)
    assert f"fetching {server}/{path}: {expected}" in caught.value.line()


@pytest.mark.parametrize(
    ("address", "code", "expected"),
    [
        ("https://x.invalid/y", 4, "the host x.invalid is not known"),
        ("http://127.0.0.1:9/x", 4, "it can't be reached"),
        ("file:///absent/repository", 2, "no git repository"),
        ("file:///etc/passwd", 2, "no git repository"),
        ("file:///{folder}", 2, "no git repository"),
        ("file:///{empty}", 2, "is empty"),
        ("file:///{full}@v9", 2, "has no v9; name a branch, tag or commit"),
        ("file:///{full}@" + "1" * 40, 2, "name a branch, tag or commit"),
    ],
)
def test_what_is_no_repository(tmp_path: Path, address: str, code: int, expected: str) -> None:
    for name in ("folder", "empty", "full"):
        (tmp_path / name).mkdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-C"]
    for name in ("empty", "full"):
        subprocess.run([*git, str(tmp_path / name), "init", "-q"], check=True)
    commit = ["commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run([*git, str(tmp_path / "full"), *commit], check=True)
    places = {name: str(tmp_path / name).lstrip("/") for name in ("folder", "empty", "full")}
    with pytest.raises(KitError) as caught:
        fetch.of_git(f"git+{address.format(**places)}", "")
    assert (caught.value.exit_code, "\n" in caught.value.line()) == (code, False)
    assert expected in caught.value.line()


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "SLOW_S", 1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(NetworkError, match="it does not answer in time"),
    ):
        fetch.of_git(f"git+http://127.0.0.1:{silent.getsockname()[1]}/x", "")


def test_a_time_limit_is_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "GIT_S", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(NetworkError, match="no answer within"),
    ):
        fetch.of_git(f"git+http://127.0.0.1:{silent.getsockname()[1]}/x", "")


@pytest.mark.parametrize(
    ("own", "command"),
    [("", "ssh -o BatchMode=yes -o ConnectTimeout=30"), ("plink -batch", "plink -batch"),
     ("/usr/bin/ssh -i key", "/usr/bin/ssh -i key -o BatchMode=yes -o ConnectTimeout=30"),
     ("'/my tools/ssh' -i key", "'/my tools/ssh' -i key -o BatchMode=yes -o ConnectTimeout=30"),
     ("ssh -i 'key", "ssh -i 'key"), ("/opt/ssh/plink", "/opt/ssh/plink"), ("  ", "  ")],
)  # fmt: skip
def test_ssh_never_asks(own: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", own)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    assert repository._unattended()["GIT_SSH_COMMAND"] == command


NAMES = ["ssh", "my tools/ssh", "a$HOME;b/ssh", "quo'te\"d/ssh", "sshd-like ssh", "$(true)"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["ssh", "simple"])
def test_a_program_of_git_ssh_is_run_whatever_its_path(
    name: str, variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that git runs by itself is the one that it runs here."""
    program, ran = tmp_path / name, tmp_path / "ran"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{ran}"\nexit 255\n')
    program.chmod(0o755)
    for key, value in {
        "GIT_SSH": str(program), "GIT_SSH_VARIANT": variant, "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    address = "ssh://h.invalid/x"
    subprocess.run(["git", "ls-remote", address], check=False, capture_output=True)
    arguments = ran.read_text().splitlines()
    ran.unlink()
    with pytest.raises(KitError):
        fetch.of_git(f"git+{address}", "")
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=30"]
    assert ran.read_text().splitlines() == (options if program.name == "ssh" else []) + arguments


def test_gits_own_setting_counts_for_more_than_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[core]\n\tsshCommand = plink -batch\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_SSH", "ssh")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    assert repository._unattended()["GIT_SSH_COMMAND"] == "plink -batch"
