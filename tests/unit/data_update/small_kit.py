"""A copy of the tree with small tables, and the small index that it asks."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.audit import record
from jetson_kit.audit.emulate import CpuRun, Emulation
from jetson_kit.audit.native import read as read_library
from jetson_kit.audit.record import Measured
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes as repack_recipes
from tests.unit import small_index
from tests.unit.small_wheels import make_wheel, plain_wheel
from tests.unit.tiny_wheel import AARCH64, GL_CODE, GL_IMPORTS, X86_64, elf

LIB = "mediapipe/tasks/c/libmediapipe.so"
DRAWING = "mediapipe/draw.py"
# What `wheels.audit --record` does, for the small wheels alone.
AUDIT = """
import json
from dataclasses import asdict
from jetson_kit.wheels import pins as wheels
from jetson_kit.audit import core, planned, record
from jetson_kit.data_update import derived
rows = json.loads(planned.TABLE.read_text())
known = {pin.sha256: rows.get(pin.sha256) for pin in wheels.pins()}
for pin in wheels.pins():
    if known[pin.sha256] is None:
        found = core.audit(wheels.fetch(pin))
        known[pin.sha256] = asdict(found.facts)
        if pin.arch == "arm64":
            record.ship(pin.filename, core.native_arms(found.libraries), found.measured)
planned.TABLE.write_text(planned.to_json(known))
planned._table.cache_clear()
derived.renew()
"""
RECIPE = """\
[[recipe]]
versions = ["1.5.0"]
requires = ["certifi", "numpy", "opencv-python-headless"]

[[recipe.patch]]
path = "mediapipe/draw.py"
sha256 = "{sha256}"
why = "a late import"

[[recipe.patch.edit]]
old = "import matplotlib"
new = "import late"

"""


@dataclass(frozen=True)
class Kit:
    """A copy of the tree and the folder of an index that it asks."""

    folder: Path
    index: Path
    cache: Path
    environ: dict[str, str]

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "tasks.py", *arguments],
            cwd=self.folder, env={**self.environ, **more}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def update(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run("data.update", *arguments, **more)

    def file(self, path: Path) -> Path:
        """Return the copy of a file of the tree."""
        return self.folder / path.relative_to(ROOT)

    def table(self, table: Path) -> dict[str, object]:
        return tomllib.loads(self.file(table).read_text(encoding="utf-8"))

    def pinned(self) -> list[str]:
        rows = self.table(wheels.TABLE)["wheel"]
        assert isinstance(rows, list)
        return list(dict.fromkeys(row["version"] for row in rows))

    def state(self) -> dict[str, bytes]:
        """Return every file of the copy but what Python leaves."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not {"__pycache__", ".kit", "dist"} & set(path.parts)
        }

    def offer(
        self, version: str, *, arches: str = "arm64 amd64", draw: str = "import matplotlib\n",
        requires: str = "numpy", libraries: tuple[str, ...] = (LIB,), gl: bool = True,
    ) -> dict[str, str]:  # fmt: skip
        """Put a MediaPipe into the index, its libraries measured; return its hashes."""
        result = {}
        for arch in arches.split():
            machine = {"arm64": "aarch64", "amd64": "x86_64"}[arch]
            code = elf(
                AARCH64 if arch == "arm64" else X86_64,
                imports=GL_IMPORTS if gl else (),
                texts=(*GL_CODE, version),
            )
            info = f"mediapipe-{version}.dist-info"
            about = f"Metadata-Version: 2.1\nName: mediapipe\nVersion: {version}\n"
            about += f"Requires-Dist: {requires}\n"
            tag = f"py3-none-manylinux_2_28_{machine}"
            wheel = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
            path = self.index / f"mediapipe-{version}-{tag}.whl"
            files = {**dict.fromkeys(libraries, code), DRAWING: draw.encode()}
            files |= {f"{info}/METADATA": about.encode(), f"{info}/WHEEL": wheel.encode()}
            result[arch] = make_wheel(path, files)
            self._measured(libraries, code)
        small_index.renew(self.index)
        return result

    def _measured(self, libraries: tuple[str, ...], code: bytes) -> None:
        """Put a measurement of these libraries into the cache, so that no emulator is needed."""
        every = tuple(library for path in libraries if (library := read_library(path, code)))
        runs = tuple(
            CpuRun(cpu, cpu not in ("cortex-a57", "carmel"), "loads")
            for cpu in ("cortex-a57", "carmel", "cortex-a76", "max")
        )
        seen = Measured(Emulation("armv8.2-a", ("asimddp",), runs, (), ()), "not run")
        path = self.cache / "audit" / f"{record.key(every)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record.to_json(every, seen, ""), encoding="utf-8")


def small_tables(kit: Kit) -> None:
    """Leave of the copy's tables the old class, and MediaPipe 1.5.0 of the small index."""
    plain_wheel(kit.index, "numpy", "3.1", {"numpy.py": b""})
    sha256 = kit.offer("1.5.0")
    pinned, repacked = kit.file(wheels.TABLE), kit.file(repack_recipes.TABLE)
    head, *rows = pinned.read_text(encoding="utf-8").split("\n[[wheel]]\n")
    head = re.sub(r"^by_name = .*\n", "", head, flags=re.MULTILINE)
    old = [row for row in rows if '"armv8"' in row]
    new = [
        f'version = "1.5.0"\nclass = "armv82"\narch = "{arch}"\npython = "py3"\n'
        f'filename = "mediapipe-1.5.0-py3-none-manylinux_2_28_{machine}.whl"\nsha256 = "{digest}"\n'
        for (arch, digest), machine in zip(sha256.items(), ("aarch64", "x86_64"), strict=True)
    ]
    text = "\n[[wheel]]\n".join([head, *new, *old])
    pinned.write_text(text, encoding="utf-8")
    recipes = repacked.read_text(encoding="utf-8")
    rest = recipes[recipes.index('[[recipe]]\nversions = ["0.') :]
    digest = hashlib.sha256(b"import matplotlib\n").hexdigest()
    repacked.write_text(RECIPE.format(sha256=digest) + rest, encoding="utf-8")
    locks = kit.folder / "requirements"
    table = (locks / "locks.toml").read_text(encoding="utf-8")
    # Their MediaPipe is none of the small index's.
    for name in ("vision-old", "solutions-legacy"):
        for path in locks.glob(f"{name}.*"):
            path.unlink()
        table = table.replace(f'{name} = "3.11"\n', "")
    (locks / "locks.toml").write_text(table, encoding="utf-8")
    (locks / "vision.in").write_text("mediapipe==1.5.0\n", encoding="utf-8")
    hashes = [f"    --hash=sha256:{item}" for item in sha256.values()]
    (locks / "vision.txt").write_text(
        "mediapipe==1.5.0 \\\n" + " \\\n".join(hashes) + "\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", AUDIT], cwd=kit.folder, env=kit.environ, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def made(folder: Path, address: str) -> Kit:
    """Return the copy below `folder`, asking the index at `address`."""
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))},
        **small_index.environment(address),
        "KIT_CACHE": str(folder / "cache"), "UV_CACHE_DIR": str(folder / "uv"),
    }  # fmt: skip
    return Kit(folder / "kit", folder / "index", folder / "cache", environ)


def lines(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout
