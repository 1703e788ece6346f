"""Where sites join: one HTTPS address that takes a token and a certificate's request, once each."""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import threading
from pathlib import Path

from jetson_kit.core.errors import KitError
from jetson_kit.fleet.sites import central, inventory

LARGEST = 1 << 16
SLOW_S = 20.0


def serve(path: Path) -> None:
    """Serve until this process is ended. `path` is the file of sites; it is read for each join."""
    sites = inventory.load(path)
    here, guard = central.here(), threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = SLOW_S
        server_version = "join-server"
        sys_version = ""

        def setup(self) -> None:
            self.request.settimeout(SLOW_S)
            self.request.do_handshake()
            super().setup()

        def do_POST(self) -> None:
            try:
                size = int(self.headers.get("Content-Length", ""))
                if self.path != "/join" or not 0 < size <= LARGEST:
                    raise ValueError  # noqa: TRY301 # answered below
                body = json.loads(self.rfile.read(size))
                token, request = str(body["token"]), str(body["request"])
            except (ValueError, KeyError, TypeError):
                self._answer(400, {"message": "this is no request to join", "hint": ""})
                return
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

        def log_message(self, form: str, *words: object) -> None:
            # Addresses and outcomes; a token is never in the line of a request.
            sys.stderr.write(f"{self.address_string()} {form % words}\n")

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            # Scanners and cut connections: a line each.
            del request
            sys.stderr.write(f"{client_address}: {sys.exc_info()[1]}\n")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(here.node / "tls.crt", here.node / "tls.key")
    server = Server((sites.controller.bind, sites.controller.join_port), Handler)
    # A handshake is the business of each connection's own thread.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except KitError as fault:
        sys.exit(fault.line())
    except OSError as fault:
        sys.exit(f"error: {fault}")
