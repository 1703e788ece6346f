"""./join with a controller that answers: a site joins, is killed, joins again, and stops."""

from __future__ import annotations

import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.sites import authority, config, install, node
from tests.unit.fleet.site_archive import RECEPTOR, SLOW_UV, Archive, refused


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
