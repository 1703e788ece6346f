"""As much of a Kubernetes API server as `kubectl get` needs: discovery, and lists of objects."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

KINDS = {
    "v1": (("nodes", "Node", False), ("pods", "Pod", True), ("events", "Event", True)),
    "apps/v1": (("daemonsets", "DaemonSet", True),),
    "node.k8s.io/v1": (("runtimeclasses", "RuntimeClass", False),),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers discovery, and lists what it was given by kind, with the selectors applied."""

    objects: Sequence[dict[str, Any]]
    refused: str
    """A kind's name in lists that nobody may read."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self.refused and parts.path.endswith(f"/{self.refused}"):
            why = f'{self.refused} is forbidden: User "a" cannot list resource "{self.refused}"'
            self._answer(403, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                               "reason": "Forbidden", "code": 403, "message": why})  # fmt: skip
            return
        body = self._discovery(parts.path) or self._list(parts.path, parse_qs(parts.query))
        none = {"kind": "Status", "code": 404, "message": "none"}
        self._answer(200 if body else 404, body or none)

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _discovery(self, path: str) -> dict[str, Any] | None:
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = [
                {"name": version.partition("/")[0], "versions": [_named(version)],
                 "preferredVersion": _named(version)}
                for version in KINDS if "/" in version
            ]  # fmt: skip
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version not in KINDS:
            return None
        rows = [
            {"name": name, "singularName": kind.lower(), "kind": kind, "namespaced": namespaced,
             "verbs": ["get", "list"]}
            for name, kind, namespaced in KINDS[version]
        ]  # fmt: skip
        return {"kind": "APIResourceList", "groupVersion": version, "resources": rows}

    def _list(self, path: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        version, _, name = path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")
        kinds = {name: kind for name, kind, _ in KINDS.get(version, ())}
        if name not in kinds:
            return None
        items = [
            {"apiVersion": version, **item}
            for item in self.objects
            if item["kind"] == kinds[name] and _chosen(item, query)
        ]
        return {"kind": f"{kinds[name]}List", "apiVersion": version, "metadata": {}, "items": items}

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _named(version: str) -> dict[str, str]:
    return {"groupVersion": version, "version": version.partition("/")[2]}


def _chosen(item: dict[str, Any], query: dict[str, list[str]]) -> bool:
    labels = item["metadata"].get("labels") or {}
    for word in ",".join(query.get("labelSelector", [])).split(","):
        key, equals, value = word.partition("=")
        if equals and labels.get(key) != value:
            return False
    for word in ",".join(query.get("fieldSelector", [])).split(","):
        key, equals, value = word.partition("=")
        result: Any = item
        for part in key.split(".") if equals else ():
            result = result.get(part, "")
        if equals and result != value:
            return False
    return True


@contextlib.contextmanager
def serving(objects: Sequence[dict[str, Any]], refused: str = "") -> Iterator[str]:
    """Serve objects on a free port of this machine; yield the address."""
    handler = type("Own", (Handler,), {"objects": objects, "refused": refused})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
