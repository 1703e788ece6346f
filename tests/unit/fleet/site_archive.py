"""An unpacked archive that joins a site, with stand-ins of uv and Receptor."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.sites import (
    central,
    join_checks,
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

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start ./join."""
        return subprocess.Popen(
            [self.place / "join", *arguments], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip

    def join(self, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def refused(archive: Archive, code: int, expected: str, *call: str | Path, **env: str) -> None:
    before = sorted(archive.folder.parent.rglob("*"))
    status, out, err = archive.join(*(call or (archive.folder,)), **env)
    assert (status, out) == (code, ""), err
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert [path for path in sorted(archive.folder.parent.rglob("*")) if path not in before] == []
