"""Boards with keys, their signed reports, and the collector that takes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.collector import server
from jetson_kit.fleet.collector.reports import ROLE, Reports
from jetson_kit.fleet.release import certificates, signing

IMAGE = "sha256:" + "a" * 64


def report(board: str = "camera-1", number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "schema": "mediapipe-jetson/channel-report/1", "board": board, "number": number,
        "time": "2026-11-29T04:00:00Z", "phase": "idle", "reason": "its wave has not begun",
        "release": "kit:r36", "image_id": IMAGE, "state": "confirmed", "verdict": "healthy", **more,
    }  # fmt: skip


def signed(body: dict[str, Any] | str, key: Path, namespace: str = ROLE.namespace) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    role = signing.Role(ROLE.principal, namespace, "")
    signature = signing.sign_bytes(text.encode(), key, role)
    return json.dumps({"report": text, "signature": signature}).encode()


@dataclass
class Fleet:
    """Two boards with keys, and who keeps their reports."""

    folder: Path
    keys: dict[str, Path]
    now: float = 1000.0

    def reports(self) -> Reports:
        listed = {
            name: [signing.key_text(signing.public_of(key))] for name, key in self.keys.items()
        }
        return Reports(self.folder / "reports", listed, lambda: self.now)


def two_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Return a fleet with the keys of its boards in a folder of its own."""
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    keys = {}
    for name in ("camera-1", "camera-2"):
        signing.make_key(tmp_path / name, name, passphrase=False)
        keys[name] = tmp_path / name
    return Fleet(tmp_path / "state" / "collector", keys)


@contextmanager
def collector(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[server.Server]:
    """Serve a fleet's reports over TLS; clients are cut soon."""
    monkeypatch.setattr(bounded_server, "TOTAL_S", 1.5)
    files = certificates.ensure(tmp_path / "certificates", "127.0.0.1")
    with server.listening("127.0.0.1", 0, files.cert, files.key, fleet.reports()) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()
