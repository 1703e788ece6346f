"""A page on this machine alone, and each board's evidence behind it, made when it is opened."""

from __future__ import annotations

import contextlib
import html
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from jetson_kit.core.errors import InternalError, KitError, StepFailedError
from jetson_kit.core.http_errors import PlainErrors
from jetson_kit.core.log import LOG

ADDRESS = "127.0.0.1"
# By any other name a page of a stranger could read it (DNS rebinding).
NAMES = ("127.0.0.1", "localhost")
# What a browser says of a request: of this server's own page, or opened by its user. Others send
# no such header.
OWN = ("same-origin", "none")
SILENT_S = 30.0
MOST_AT_ONCE = 4
WAIT_S = 30.0
NO_SITE = "-"
Evidence = Callable[[str, str], str]
"""Return the page of a board, by its site ("" for none) and name. Raises KitError."""


class Server(ThreadingHTTPServer):
    """A server to which no client does harm, however it goes away."""

    def handle_error(self, request: object, client_address: object) -> None:  # socketserver's
        """Note what went wrong with a connection."""
        LOG.debug("report: %s of %s", sys.exception(), client_address)


@dataclass
class Pages:
    """What is answered: the page, and the evidence of a board, of few at a time."""

    page: bytes
    evidence: Evidence
    room: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_AT_ONCE)
    )

    def answer(self, path: str, host: str, of_site: str) -> tuple[int, bytes]:
        """Return a status and a body; `of_site` is what a browser says of where it comes from."""
        parts = _parts(path)
        if refusal := _refusal(parts, host, of_site):
            return refusal
        if parts is None or parts == [""]:
            return 200, self.page
        if not self.room.acquire(timeout=WAIT_S):
            return 503, b"Other evidence is being fetched; open it again later."
        try:
            return 200, _evidence(self.evidence, "" if parts[1] == NO_SITE else parts[1], parts[2])
        finally:
            self.room.release()


def _refusal(parts: list[str] | None, host: str, of_site: str) -> tuple[int, bytes] | None:
    """Return the answer to what is not shown; None for the page, and evidence for it."""
    if (host.rpartition(":")[0] or host) not in NAMES:
        return 421, b"This server answers by the name localhost."
    if parts is None:
        return 400, b"This is no address."
    if parts == [""]:
        return None
    if len(parts) != 3 or parts[0] != "evidence":
        return 404, b"There is no such page."
    if of_site not in OWN:
        return 403, b"Evidence is shown to this server's own page."
    return None


def server(page: str, evidence: Evidence, port: int) -> ThreadingHTTPServer:
    """Return a server of a page, which listens and does not serve yet; 0 is any free port.

    Raises StepFailedError for a port that is taken.
    """
    pages = Pages(page.encode("utf-8", "replace"), evidence)

    class Handler(PlainErrors):
        server_version, sys_version = "mediapipe-jetson-kit", ""
        timeout = SILENT_S

        def do_GET(self) -> None:  # noqa: N802 # http.server's name
            host, of_site = self.headers.get("Host", ""), self.headers.get("Sec-Fetch-Site", "none")
            code, body = pages.answer(self.path, host, of_site)
            self.send_response(code)
            for name, value in (
                ("Content-Type", f"text/{'html' if code == 200 else 'plain'}; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                ("X-Frame-Options", "SAMEORIGIN"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
            ):
                self.send_header(name, value)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # http.server's
            LOG.debug("report: " + format, *args)

    try:
        return Server((ADDRESS, port), Handler)
    except OSError as error:
        raise StepFailedError(
            f"port {port} cannot be listened at: {error.strerror}", "name another: --serve PORT"
        ) from error


def run(page: str, evidence: Evidence, port: int) -> None:
    """Serve a page until the program is stopped."""
    with server(page, evidence, port) as listening:
        print(
            f"http://localhost:{listening.server_port}/ (only this machine; Ctrl-C ends it)",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
            listening.serve_forever()


def _parts(path: str) -> list[str] | None:
    """Return the parts of an address's path, None for what is no address."""
    try:
        return [unquote(part) for part in urlsplit(path).path.split("/")[1:]]
    except ValueError:
        return None


def _evidence(evidence: Evidence, site: str, host: str) -> bytes:
    try:
        return evidence(site, host).encode("utf-8", "replace")
    except KitError as error:
        message = error.line().removeprefix("error: ")
    except Exception as error:  # one line in the page, whatever a report holds
        message = InternalError(f"{type(error).__name__}: {error}").line()
    return note(f"No evidence of {host}", message).encode("utf-8", "replace")


def note(title: str, text: str) -> str:
    """Return a page of a few words, or of a document's text."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>"
        f"<pre>{html.escape(text)}</pre></html>"
    )
