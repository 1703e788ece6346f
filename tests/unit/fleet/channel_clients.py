"""A board and python-tuf's client that poll the same server."""

from __future__ import annotations

import datetime
from pathlib import Path

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from tests.support.static_server import Server
from tests.unit.board_program import Program


class Both:
    """A board and python-tuf's client that poll the same server."""

    def __init__(self, program: Program, server: Server, folder: Path) -> None:
        self.program, self.server, self.folder = program, server, folder
        anchor = (server.folder / "1.root.json").read_bytes()
        (program.root / "etc/mediapipe-jetson").mkdir(parents=True, exist_ok=True)
        (program.root / "etc/mediapipe-jetson/channel-root.json").write_bytes(anchor)
        self.anchor = anchor
        folder.mkdir(exist_ok=True)

    def refresh(self) -> str:
        """Return what both say: the targets' version, or "" where both refuse."""
        result = (self._board(), self._tuf())
        assert bool(result[0]) == bool(result[1]), (
            f"board: {result[0]!r}, python-tuf: {result[1]!r}"
        )
        assert result[0] == result[1]
        return result[0]

    def _board(self) -> str:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            targets = self.program.channel_files.refresh(self.server.url, now)
        except self.program.errors.ImageError:
            return ""
        return f"{targets.version} {sorted(targets.signed['targets'])}"

    def _tuf(self) -> str:
        try:
            updater = Updater(
                str(self.folder), self.server.url, str(self.folder), self.server.url,
                bootstrap=self.anchor,
            )  # fmt: skip
            updater.refresh()
        except (RepositoryError, DownloadError):
            return ""
        targets = updater._trusted_set.targets
        return f"{targets.version} {sorted(targets.targets)}"
