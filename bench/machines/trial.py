"""Try a row of the matrix: set its machine up from nothing, type the command, note the result."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, dataclass
from typing import Any

from bench.machines.machine import CommandResult, Machine, started
from bench.machines.rows import Row

# What the build left, as a Python program in the machine reads it: the archive's own index and the
# engine, not the manifest's word for them.
PYTHON = "import platform; print(platform.python_version())"
READ = """
import hashlib, json, pathlib, subprocess, tarfile
folder = next(pathlib.Path("dist").glob("*/manifest.json")).parent
manifest = json.loads((folder / "manifest.json").read_text())
archive = folder / manifest["archive"]["file"]
digest = hashlib.sha256()
with archive.open("rb") as stream:
    while block := stream.read(1 << 20):
        digest.update(block)
with tarfile.open(archive) as tar:
    read = lambda name: json.load(tar.extractfile(name))
    blob = lambda row: "blobs/" + row["digest"].replace(":", "/")
    image = read(blob(read("index.json")["manifests"][0]))
    config = read(blob(image["config"]))
words = ["docker", "image", "inspect", manifest["image"]["tag"]]
loaded = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)[0]
debian = json.dumps(manifest["debian"]).encode()
print(json.dumps({
    "archive": digest.hexdigest(),
    "config": image["config"]["digest"],
    "layers": config["rootfs"]["diff_ids"],
    "loaded": loaded["RootFS"]["Layers"],
    "id": loaded["Id"],
    "packages": hashlib.sha256(debian).hexdigest(),
}))
"""


@dataclass(frozen=True)
class Bytes:
    """What two machines must agree on; digests are "sha256:..." but for the archive's."""

    config: str
    layers: tuple[str, ...]
    """Of the uncompressed layers (diff ids), lowest first."""
    archive: str
    """sha256 of the archive's file, in hex."""
    packages: str
    """sha256 over the names and versions of the image's packages, as apt chose them."""


@dataclass(frozen=True)
class Result:
    """One row: what ran where, how it ended, and the image's bytes where it makes one."""

    row: str
    system: str
    python: str
    engine: str
    buildx: str
    store: str
    apt: str
    seconds: float
    code: int
    last: str
    fault: str
    """Why the row failed; empty where it ended as it must."""
    bytes: Bytes | None
    image: str
    """The engine's id of the image: a store of containerd has another than a classic one."""
    commit: str
    """What was cloned there."""

    def as_json(self) -> dict[str, Any]:
        """Return the result for bench/machines.json."""
        return asdict(self)


def from_json(facts: dict[str, Any]) -> Result:
    """Return a result that as_json wrote. Raises TypeError, KeyError."""
    result = facts["bytes"]
    image = Bytes(**{**result, "layers": tuple(result["layers"])}) if result else None
    return Result(**{**facts, "bytes": image})


def run(row: Row, log: list[str]) -> Result:
    """Try one row; what was printed in the machine is added to `log`.

    Raises ToolMissingError, NetworkError or StepFailedError where the machine can't be made.
    """
    with started(row) as machine:
        ended = typed(machine, row.words)
        log += ended.text.splitlines()
        fault = _fault(row, ended)
        if row.reboot and not fault:
            # Else nothing would be built, nor started: the engine and binfmt_misc have to be back.
            machine.must(f"rm -rf {shlex.quote(row.checkout)}/dist")
            machine.transport.reboot()
            rerun = typed(machine, row.words)
            log += ["--- after a reboot", *rerun.text.splitlines()]
            if fault := _fault(row, rerun):
                fault = f"after a reboot: {fault}"
        result: dict[str, Any] = {}
        if row.image and not fault:
            result, fault = _read(machine)
        if row.then and not fault:
            more = in_checkout(machine, row.then)
            log += [f"--- {row.then}", *more.text.splitlines()]
            fault = f"{row.then}: exit code {more.code}: {more.last}" if more.code else ""
        fault = fault or _strange(machine)
        return _result(machine, ended, fault, result)


def typed(machine: Machine, arguments: tuple[str, ...]) -> CommandResult:
    """Type ./inv ARGUMENTS in the clone."""
    return in_checkout(machine, f"exec ./inv {shlex.join(arguments)}")


def in_checkout(machine: Machine, line: str) -> CommandResult:
    """Type a line in the clone, as the row's user, with its umask, locale and variables."""
    row = machine.row
    env = dict(row.environment)
    if row.locale:
        env |= {"LANG": row.locale, "LC_ALL": row.locale}
    command = f"umask {row.umask}; cd {shlex.quote(row.checkout)} && {line}"
    return machine.shell(command, user=row.login, env=env, timeout_s=row.minutes * 60)


def _fault(row: Row, ended: CommandResult) -> str:
    if ended.code != row.code:
        return f"exit code {ended.code}, not {row.code}: {ended.last}"
    if row.says and not re.search(row.says, ended.last):
        return f"its last line does not say {row.says!r}: {ended.last}"
    if "Traceback (most recent call last)" in ended.text:
        return "it printed a traceback"
    return ""


def _read(machine: Machine) -> tuple[dict[str, Any], str]:
    checkout = shlex.quote(machine.row.checkout)
    script = f"cd {checkout} && .venv/bin/python -c {shlex.quote(READ)}"
    ended = machine.shell(script, user=machine.row.login)
    if ended.code:
        return {}, f"the build's files can't be read: {ended.last}"
    document: dict[str, Any] = json.loads(ended.last)
    if document["loaded"] != document["layers"]:
        return document, "the engine's layers are not those of the archive"
    return document, ""


def _strange(machine: Machine) -> str:
    """Return what the checkout or the cache has that is not the user's; "" where all is."""
    row = machine.row
    places = shlex.join([row.checkout, f"{row.home}/.cache"])
    answer = machine.shell(f"find {places} ! -user {row.login} -print -quit 2>/dev/null || true")
    return f"it is not {row.login}'s: {answer.last}" if answer.last else ""


def _result(machine: Machine, ended: CommandResult, fault: str, built: dict[str, Any]) -> Result:
    row = machine.row

    def query(script: str, user: str = "root") -> str:
        answer = machine.shell(script, user=user)
        return answer.last if not answer.code else ""

    checkout = shlex.quote(row.checkout)
    whose = row.login if row.rootless else "root"
    return Result(
        row=row.name,
        system=query('. /etc/os-release; echo "$PRETTY_NAME"'),
        python=query(f"{checkout}/.venv/bin/python -c '{PYTHON}'"),
        engine=query(
            "podman --version 2>/dev/null || docker version --format '{{.Server.Version}}'", whose
        ),
        buildx=" ".join(query("docker buildx version").split()[1:2]),
        store=_store(query("docker info --format '{{json .}}'", whose)),
        apt=query("dpkg-query -W -f '${Version}' apt"),
        seconds=ended.seconds,
        code=ended.code,
        last=ended.last[:300],
        fault=fault,
        bytes=_bytes(built) if built else None,
        image=built.get("id", ""),
        commit=query(f"git -c safe.directory='*' -C {checkout} rev-parse --short=12 HEAD"),
    )


def _store(info: str) -> str:
    """Return "containerd" or "classic", and the driver."""
    if not info:
        return ""
    facts = json.loads(info)
    if "Driver" not in facts:
        return f"Podman ({facts['store']['graphDriverName']})"
    status = [str(value) for row in facts.get("DriverStatus") or [] for value in row]
    kind = "containerd" if any("containerd.snapshotter" in word for word in status) else "classic"
    return f"{kind} ({facts['Driver']})"


def _bytes(built: dict[str, Any]) -> Bytes:
    return Bytes(built["config"], tuple(built["layers"]), built["archive"], built["packages"])


def compare(results: list[Result]) -> list[str]:
    """Return one line for each fault of a row, and for each pair of one commit with other bytes."""
    faults = [f"{result.row}: {result.fault}" for result in results if result.fault]
    images = [result for result in results if result.bytes]
    for image in images:
        first = next(item for item in images if item.commit == image.commit)
        assert first.bytes and image.bytes  # noqa: S101 - narrowed above
        for name in ("packages", "layers", "config", "archive"):
            ours, theirs = getattr(image.bytes, name), getattr(first.bytes, name)
            if ours != theirs:
                faults.append(f"{image.row}: its {name} is not that of {first.row}")
    return faults
