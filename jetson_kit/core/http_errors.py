"""What our small web servers answer to requests that they don't take: a line, not Python's page."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler


class PlainErrors(BaseHTTPRequestHandler):
    """A handler whose errors are one plain line; a method that it lacks is 405 with Allow."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the base class refuses, in the middle of reading a request or after it."""
        del message, explain  # they quote the request
        known = [name[3:] for name in dir(self) if name.startswith("do_")]
        lacks_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if lacks_method else HTTPStatus(code)
        body = f"{status.phrase}\n".encode()
        if self.request_version == "HTTP/0.9":  # also where the version was not read yet
            self.request_version = "HTTP/1.0"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if lacks_method:
            self.send_header("Allow", ", ".join(sorted(known)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
