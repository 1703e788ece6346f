"""Where sites join: one HTTPS address that takes a token and a certificate's request, once each."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from pathlib import Path

from jetson_kit.core.errors import KitError
from jetson_kit.core.http_errors import PlainErrors
from jetson_kit.core.reasons import why
from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.bounded_server import SILENT_S
from jetson_kit.fleet.sites import central, home, inventory

LARGEST = 1 << 16


def listening(path: Path) -> bounded_server.Server:
    """Return a server that listens and does not serve yet; `path` is read for each join."""
    sites = inventory.load(path)
    here, guard = home.here(), threading.Lock()

    class Handler(PlainErrors):
        server: bounded_server.Server
        timeout = SILENT_S
        server_version = "join-server"
        sys_version = ""

        def do_POST(self) -> None:  # noqa: N802 # http.server's name
            try:
                size = bounded_server.length(self.headers, LARGEST)
                if self.path != "/join" or size < 1:
                    raise ValueError  # noqa: TRY301 # answered below
                body = json.loads(self.rfile.read(size))
                token, request = str(body["token"]), str(body["request"])
                # JSON can escape half a character, which neither has.
                (token + request).encode()
            except (ValueError, KeyError, TypeError, RecursionError):
                self._answer(400, {"message": "this is no request to join", "hint": ""})
                return
            # Receptor is started anew for each site that is let in.
            self.server.received()
            try:
                with guard:
                    answer = central.admit(here, inventory.load(path), token, request)
            except KitError as error:
                self._answer(403, {"message": error.message, "hint": error.cure})
                return
            self._answer(200, answer)

        def _answer(self, status: int, body: dict[str, object]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, form: str, *arguments: object) -> None:
            # Addresses and outcomes; a token is never in the line of a request.
            bounded_server.say(self.client_address, form % arguments)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(here.node / "tls.crt", here.node / "tls.key")
    place = (sites.controller.bind, sites.controller.join_port)
    return bounded_server.Server(place, Handler, context)


if __name__ == "__main__":
    try:
        listening(Path(sys.argv[1])).serve_forever()
    except KitError as fault:
        sys.exit(fault.line())
    except OSError as fault:
        sys.exit(f"error: {why(fault)}")
