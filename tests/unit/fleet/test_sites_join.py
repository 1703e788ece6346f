"""./join of a site's archive: every refusal is one line with its code and leaves nothing behind."""

from __future__ import annotations

import ast
import hashlib
import http.server
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.sites import (
    authority,
    central,
    config,
    install,
    join_checks,
    join_program,
    node,
)

SITES = ROOT / "jetson_kit" / "fleet" / "sites"
# uv's part: an environment whose Python is this one, with the kit of this checkout.
UV = f"""\
#!/bin/sh
case " $* " in
*" venv "*)
	for venv; do :; done
	mkdir -p "$venv/bin"
	printf '#!/bin/sh\\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\\n' >"$venv/bin/python"
	chmod 755 "$venv/bin/python" ;;
esac
"""
SLOW_UV = """\
#!/bin/sh
echo $$ >"$MARK.new" && mv "$MARK.new" "$MARK"
sleep 600
"""
RECEPTOR = f"""\
#!{sys.executable}
import pathlib, socket, sys, time
with socket.socket(socket.AF_UNIX) as here:
    here.bind(str(pathlib.Path(sys.argv[2]).with_name("socket")))
    time.sleep(600)
"""


def tar_of(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(raw), 0o644
            tar.addfile(member, io.BytesIO(raw))


@dataclass
class Archive:
    """An unpacked archive, and the folder to join in."""

    place: Path
    folder: Path
    authority: str
    facts: dict[str, Any] = field(default_factory=dict)

    def write(self, uv: str = UV, **facts: object) -> None:
        """Write all of it anew."""
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr("uv-1.data/scripts/uv", uv)
        files = {".wheels/uv-1-py3-none-any.whl": wheel.getvalue(), "site.txt": b""}
        kit = {
            "python": "{}.{}".format(*sys.version_info), "machine": os.uname().machine,
            "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        } | dict(facts)  # fmt: skip
        tar_of(self.place / "kit.tar", {"kit.json": json.dumps(kit).encode(), **files})
        (self.place / "receptor").write_text(RECEPTOR)
        for name in central.PROGRAMS:
            (self.place / name).write_bytes((SITES / name).read_bytes())
        (self.place / "join").write_bytes((SITES / "join.sh").read_bytes())
        (self.place / "join").chmod(0o755)
        self.sums()

    def sums(self, **facts: object) -> None:
        """Write join.json by what is there."""
        now = datetime.now(UTC)
        self.facts = {
            "site": "berlin", "token": "x" * 43, "made": now.isoformat(),
            "expires": (now + timedelta(hours=1)).isoformat(), "address": "127.0.0.1", "port": 9,
            "authority": self.authority, "receptor": join_checks.sha256_of(self.place / "receptor"),
            "kit": join_checks.sha256_of(self.place / "kit.tar"),
        } | self.facts.copy() | dict(facts)  # fmt: skip
        for name in ("kit", "receptor"):
            file = "kit.tar" if name == "kit" else name
            self.facts[name] = join_checks.sha256_of(self.place / file)
        (self.place / "join.json").write_text(json.dumps(self.facts))

    def start(self, *words: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start ./join."""
        return subprocess.Popen(
            [self.place / "join", *words], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip

    def join(self, *words: str | Path, **environment: str) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A controller's authority."""
    return authority.ensure(tmp_path_factory.mktemp("authority")).certificate.read_text()


@pytest.fixture
def archive(tmp_path: Path, certificate: str) -> Archive:
    made = Archive(tmp_path / "a", tmp_path / "s", certificate)
    made.place.mkdir()
    made.write()
    return made


def refused(archive: Archive, code: int, words: str, *call: str | Path, **env: str) -> None:
    before = sorted(archive.folder.parent.rglob("*"))
    status, out, err = archive.join(*(call or (archive.folder,)), **env)
    assert (status, out) == (code, ""), err
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert [path for path in sorted(archive.folder.parent.rglob("*")) if path not in before] == []


@pytest.mark.parametrize("name", central.PROGRAMS)
def test_what_runs_before_the_version_check_is_python_3_8(name: str) -> None:
    ast.parse((SITES / name).read_text(), feature_version=(3, 8))


def test_hashes_need_no_python_3_11(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(hashlib, "file_digest")
    sha256 = str(archive.facts["kit"])
    assert install.install(archive.place / "kit.tar", sha256, tmp_path / "s").name == sha256[:16]


@pytest.mark.parametrize("raw", [None, b"\x89PNG\xff\xfe", b"", b"[]", b"{}", b"3", b"[" * 100_000])
def test_a_damaged_join_json(archive: Archive, raw: bytes | None) -> None:
    path = archive.place / "join.json"
    path.unlink()
    if raw is not None:
        path.write_bytes(raw)
    refused(archive, 5, "join.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("site", "../berlin"),
        ("site", "-x"),
        ("token", ""),
        ("token", "a b" * 20),
        ("made", "yesterday"),
        ("expires", "2026-13-45"),
        ("expires", "2030-01-01T00:00:00"),
        ("expires", 7),
        ("address", ""),
        ("address", "-oProxyCommand=x"),
        ("address", "host/path"),
        ("port", 0),
        ("port", 70000),
        ("port", -1),
        ("port", True),
        ("port", "27198"),
        ("port", 1.5),
        ("authority", ""),
        ("authority", "no certificate"),
        ("authority", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("kit", "../../x"),
        ("receptor", "A" * 64),
        ("receptor", None),
    ],
)
def test_a_damaged_value_in_join_json(archive: Archive, name: str, value: object) -> None:
    path = archive.place / "join.json"
    path.write_text(json.dumps({**archive.facts, name: value}))
    refused(archive, 5, f"is damaged: {name} is ")


def test_all_damaged_values_of_join_json_are_told_at_once(archive: Archive) -> None:
    facts = {**archive.facts, "port": "x", "expires": "never", "token": "se cret"}
    del facts["address"]
    (archive.place / "join.json").write_text(json.dumps(facts))
    status, _, err = archive.join(archive.folder)
    assert status == 5
    ends = [line.partition(" is damaged: ")[2].partition(";")[0] for line in err.splitlines()]
    assert ends == [
        "token is no such", "expires is 'never'", "address is missing", "port is 'x'"
    ]  # fmt: skip
    assert "cret" not in err
    assert not archive.folder.exists()


def test_an_unreadable_join_json(archive: Archive) -> None:
    path = archive.place / "join.json"
    path.unlink()
    path.mkdir()
    refused(archive, 2, "join.json can't be read")


@pytest.mark.parametrize("name", ["kit.tar", "receptor"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_damaged_archive(archive: Archive, name: str, missing: bool) -> None:
    path = archive.place / name
    if missing:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    refused(archive, 5, f"{name} is damaged")


@pytest.mark.parametrize("raw", [b"no tar at all", b""])
def test_a_kit_that_is_none(archive: Archive, raw: bytes) -> None:
    (archive.place / "kit.tar").write_bytes(raw)
    archive.sums()
    refused(archive, 5, "is no kit")


@pytest.mark.parametrize("other", [{"python": "3.99"}, {"machine": "riscv64"}])
def test_a_kit_for_another_machine(archive: Archive, other: dict[str, str]) -> None:
    archive.write(**other)
    refused(archive, 2, "correct arch and python of the site")


def test_programs_that_are_not_installed(archive: Archive, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, program in (("python3", sys.executable), ("dirname", "/usr/bin/dirname")):
        (programs / name).symlink_to(program)
    refused(archive, 3, "not installed here: ssh, ssh-keygen, rsync", PATH=str(programs))
    (programs / "python3").unlink()
    refused(archive, 3, "there is no python3", PATH=str(programs))


def test_a_path_that_is_too_long_for_a_socket(archive: Archive, tmp_path: Path) -> None:
    refused(archive, 2, "too long for a socket", tmp_path / ("x" * 100) / "y")


@pytest.mark.parametrize("call", [["-x"], ["--stop"], ["a", "b"], [""], ["--help", "x"]])
def test_a_wrong_command_line(archive: Archive, call: list[str]) -> None:
    refused(archive, 2, "--help", *call)


def test_help(archive: Archive) -> None:
    assert archive.join("--help") == (0, join_program.USAGE, "")


def test_folders_that_are_none(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    refused(archive, 2, "is no folder", file)
    refused(archive, 2, "is no folder", file / "below")
    refused(archive, 2, "characters", tmp_path / "a\nb")
    refused(archive, 2, "", "~nobody-of-this-name/x")


@pytest.mark.parametrize("kind", ["file", "kits", "current", "elsewhere", "kits-link"])
def test_a_folder_that_holds_something_else(archive: Archive, tmp_path: Path, kind: str) -> None:
    folder = archive.folder
    folder.mkdir()
    (tmp_path / "other").mkdir()
    match kind:
        case "file":
            (folder / "letter.txt").write_text("x")
        case "kits":
            (folder / "kits" / "football").mkdir(parents=True)
        case "current":
            (folder / "kits").mkdir()
            (folder / "current").mkdir()
        case "elsewhere":
            (folder / "kits").mkdir()
            (folder / "current").symlink_to(tmp_path / "other")
        case _:
            (folder / "kits").symlink_to(tmp_path / "other")
    refused(archive, 2, "holds something else")


def test_a_disk_without_room(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join_checks, "ROOM", 1 << 40)
    with pytest.raises(join_checks.JoinError, match="MiB are free") as caught:
        join_checks.check_machine(archive.place, archive.facts, tmp_path / "s")
    assert caught.value.code == 6


def test_a_failed_step_removes_a_new_folder_and_leaves_a_site(archive: Archive) -> None:
    archive.write(uv="#!/bin/sh\necho No space left on device >&2; exit 1\n")
    refused(archive, 6, "No space left", archive.folder / "deeper" / "still")
    (archive.folder / "kits").mkdir(parents=True)
    (archive.folder / "node").mkdir()
    status, _, _ = archive.join(archive.folder)
    assert status == 6
    assert (archive.folder / "node").is_dir()


def test_a_controller_that_does_not_answer(archive: Archive, tmp_path: Path) -> None:
    by = authority.ensure(tmp_path / "authority")
    archive.sums(authority=by.certificate.read_text(), port=1)
    refused(archive, 4, "does not answer at 127.0.0.1:1")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_all(
    archive: Archive, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    archive.write(uv=SLOW_UV)
    mark = tmp_path / "mark"
    process = archive.start(archive.folder, MARK=str(mark))
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "error: stopped; run ./join again\n")
    assert not archive.folder.exists()
    assert not node._began(int(mark.read_text()))


def gone(number: int) -> bool:
    limit = time.monotonic() + 30
    while node._began(number) and time.monotonic() < limit:
        time.sleep(0.01)
    return not node._began(number)


@pytest.fixture
def controller(archive: Archive, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A controller's port; the answer is what the test writes into it."""
    by = authority.ensure(tmp_path / "authority")
    answer: dict[str, Any] = {"status": 403, "message": "the token was used", "hint": "another"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer.setdefault("requests", []).append(body["request"])
            issue = authority.issue(by, body["request"].encode(), "berlin").decode()
            raw = json.dumps({**answer, "certificate": issue}).encode()
            self.send_response(answer["status"])
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    key, crt = tmp_path / "c.key", tmp_path / "c.crt"
    crt.write_bytes(authority.issue(by, authority.request(key, "c"), "c", ("127.0.0.1",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        archive.sums(authority=by.certificate.read_text(), port=server.server_port)
        yield answer
        server.shutdown()


def test_a_used_token_removes_a_new_folder(archive: Archive, controller: dict[str, Any]) -> None:
    del controller
    refused(archive, 1, "the token was used; another")


def test_a_site_joins_and_its_node_is_stopped(
    archive: Archive, controller: dict[str, Any], tmp_path: Path
) -> None:
    own = config.SiteNode("berlin", "controller", "127.0.0.1:27199", None)
    controller |= {
        "status": 200, "site": "berlin", "authority": "a", "verification": "v",
        "node": own.as_json(),
    }  # fmt: skip
    # What fails after the token was used can be done again by the same token.
    (archive.place / "receptor").write_text("#!/bin/sh\nexit 1\n")
    archive.sums()
    status, out, err = archive.join(archive.folder)
    assert (status, out) == (7, "")
    assert "receptor does not start" in err
    (archive.place / "receptor").write_text(RECEPTOR)
    archive.sums()
    assert archive.join(archive.folder) == (0, "berlin has joined\n", "")
    assert len(set(controller["requests"])) == 1
    number = int((archive.folder / "node" / "receptor.pid").read_text().split()[0])
    assert archive.join("--stop", archive.folder) == (0, "the node is stopped\n", "")
    assert not node._began(number)
    done = subprocess.run([archive.folder / "stop"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "the node does not run\n")
    refused(archive, 2, "is no site", "--stop", tmp_path)


@pytest.mark.parametrize("left", ["kit", "switch", "token"])
def test_a_join_that_is_killed_leaves_nothing_running_and_is_done_again(
    archive: Archive, controller: dict[str, Any], tmp_path: Path, left: str
) -> None:
    own = config.SiteNode("berlin", "controller", "127.0.0.1:27199", None)
    controller |= {
        "status": 200, "site": "berlin", "authority": "a", "verification": "v",
        "node": own.as_json(),
    }  # fmt: skip
    archive.write(uv=SLOW_UV)
    mark = tmp_path / "mark"
    process = archive.start(archive.folder, MARK=str(mark))
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert gone(int(mark.read_text()))
    (half,) = (archive.folder / "kits").iterdir()
    assert not (half / install.COMPLETE).exists()
    if left != "kit":
        (archive.folder / ".current").symlink_to(Path("kits", half.name))
    if left == "token":
        (archive.folder / "node").mkdir()
        (archive.folder / "node" / "request.pem").write_text("half")
    archive.write()
    archive.sums()
    assert archive.join(archive.folder) == (0, "berlin has joined\n", "")
    assert archive.join("--stop", archive.folder)[0] == 0


def test_a_node_whose_start_was_killed_is_found_again(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)", str(tmp_path))
    orphan = subprocess.Popen(command)
    while not Path(f"/proc/{orphan.pid}/cmdline").read_bytes():
        time.sleep(0.01)  # the kernel has its words a moment after its start
    process = node.Process("receptor", tmp_path, command)
    assert not process.pid()
    process.stop()
    assert orphan.wait(30) == -signal.SIGTERM


def test_a_process_that_ended_at_once_does_not_run(tmp_path: Path) -> None:
    process = node.Process("receptor", tmp_path, ("false",))
    (tmp_path / "receptor.pid").write_text(f"{2**22 + 1} 0\n")
    assert not process.pid()
