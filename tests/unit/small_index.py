"""A package index on this machine with small packages, as uv and pip ask for it."""

from __future__ import annotations

import contextlib
import threading
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name


class _Quiet(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, login: str, seen: list[bytes], **more: Any) -> None:
        self.login = login
        self.seen = seen
        super().__init__(*args, **more)

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Serve a file to who knows the password, if there is one."""
        self.seen.extend(_arguments())
        given = self.headers.get("Authorization", "")
        if self.login and given != f"Basic {b64encode(self.login.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()


def _arguments() -> Iterator[bytes]:
    """Yield what every user of this machine sees of its programs."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def renew(folder: Path) -> None:
    """Write the pages of all wheels and source archives that lie in `folder`."""
    pages: dict[str, str] = {}
    for path in sorted((*folder.glob("*.whl"), *folder.glob("*.tar.gz"))):
        name: str = canonicalize_name(path.name.split("-")[0])
        digest = sha256(path.read_bytes()).hexdigest()
        link = f'<a href="/{path.name}#sha256={digest}">{path.name}</a>\n'
        pages[name] = pages.get(name, "<!DOCTYPE html>\n") + link
    for name, page in pages.items():
        target = folder / "simple" / name / "index.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")


@contextlib.contextmanager
def served(folder: Path, login: str = "", seen: list[bytes] | None = None) -> Iterator[str]:
    """Serve `folder`; yield the index's address. `login` is NAME:PASSWORD.

    Into `seen` go the arguments of all programs that run while something is fetched.
    """
    seen = [] if seen is None else seen
    handler = partial(_Quiet, directory=str(folder), login=login, seen=seen)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(address: str) -> dict[str, str]:
    """Return what makes uv and pip ask this index and no other."""
    return {
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": address,
        "UV_INDEX": "",
        "UV_FIND_LINKS": "",
        "UV_HTTP_RETRIES": "0",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": address,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }
