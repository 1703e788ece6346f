"""jetson.toml: what a user's folder says of the application in it; everything has a default.

Schema: jetson_kit/schemas/app.schema.json.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.app import candidates, command_words, faults, image_name, toml_lines
from jetson_kit.core.errors import BadInputError

FILE = "jetson.toml"
LARGEST = 1 << 20
# Where the application stands in the image, and the variable that names its camera or video.
HOME = "app"
# What the names of cameras' nodes have, and of udev's links to them.
CAMERAS = ("/video", "/v4l/")
# What reaches a CSI camera: NVIDIA's service on the board, by its socket.
ARGUS = "/tmp/argus_socket"  # noqa: S108 # where NVIDIA's service has it
SOURCE_VARIABLE = "MEDIAPIPE_JETSON_SOURCE"
BACKEND_VARIABLE = "MEDIAPIPE_JETSON_BACKEND"
# What the image's health check measures by, and where it is if jetson.toml names no other file.
HEALTH_VARIABLE, HEALTH_FILE = "MEDIAPIPE_JETSON_HEALTH_FILE", "/tmp/alive"  # noqa: S108
LIMITS = {
    "min_fps": "MEDIAPIPE_JETSON_MIN_FPS",
    "max_latency_ms": "MEDIAPIPE_JETSON_MAX_LATENCY_MS",
}


@dataclass(frozen=True)
class Target:
    """Which image the application is built on; "" is the build's own default."""

    l4t: str = ""
    module: str = ""
    python: str = ""
    mediapipe: str = ""


@dataclass(frozen=True)
class Service:
    """What the container gets of the board."""

    devices: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    """Sockets of the board's services, which have the same path in the container."""
    network: str = ""
    """"" is bridge where there are ports, else none."""

    @property
    def network_mode(self) -> str:
        """Return Docker's name of the network."""
        return self.network or ("bridge" if self.ports else "none")


@dataclass(frozen=True)
class Health:
    """The health check; without a command it is the image's own."""

    command: tuple[str, ...] = ()
    interval_s: int | None = None
    timeout_s: int | None = None
    start_period_s: int | None = None
    retries: int | None = None
    min_fps: float | None = None
    max_latency_ms: float | None = None
    """What 95 of 100 frames of the last ten seconds may take, from their capture."""

    @property
    def of_engine(self) -> dict[str, Any]:
        """Return what the engine's check of the container has of its own."""
        own = asdict(self).items()
        return {key: value for key, value in own if value and key not in LIMITS}

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables by which the image's check holds the application to its limits."""
        rows = {LIMITS[key]: getattr(self, key) for key in LIMITS}
        return {name: f"{value:g}" for name, value in rows.items() if value is not None}


@dataclass(frozen=True)
class Tests:
    """What `test.app` runs."""

    folder: str = "tests"
    requirements: str = ""
    video: str = ""
    timeout_s: int = 600


@dataclass(frozen=True)
class Build:
    """How packages of which there is only source are built."""

    debian: tuple[str, ...] = ()
    """Debian packages beside compiler and Python's headers, such as libfoo-dev."""
    requires: tuple[str, ...] = ()
    """What builds need beyond what their packages say, such as "numpy"."""
    constraints: tuple[str, ...] = ()
    """Requirements that hold the build's own packages, such as "setuptools<60"."""
    timeout_s: int = 3600
    memory_mb: int = 4096


@dataclass(frozen=True)
class App:
    """An application: its folder and its settings."""

    folder: Path
    name: str
    command: tuple[str, ...]
    requirements: str
    """A file of the folder; "" where it asks for no package."""
    wheels: str
    """A folder of wheels in it; "" for none."""
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """What is put into the image though it looks like a secret."""
    max_mb: int = 512
    backend: str = "auto"
    camera: str = ""
    """What it films with: csi://0, a device such as /dev/video0, rtsp://HOST/PATH; "" for none."""
    target: Target = Target()
    debian: tuple[str, ...] = ()
    build: Build = Build()
    environment: Mapping[str, str] = field(default_factory=dict)
    service: Service = Service()
    health: Health = Health()
    tests: Tests = Tests()

    @property
    def films(self) -> bool:
        """Return whether its image needs GStreamer."""
        nodes = map(posixpath.normpath, self.service.devices)
        return bool(self.camera) or any(name in f"{node}/" for node in nodes for name in CAMERAS)

    @property
    def variables(self) -> dict[str, str]:
        """Return the image's environment variables that are the application's."""
        chosen = {BACKEND_VARIABLE: self.backend} if self.backend != "auto" else {}
        filmed = {SOURCE_VARIABLE: self.camera} if self.camera else {}
        limits = self.health.variables
        measured = {HEALTH_VARIABLE: HEALTH_FILE} if limits else {}
        return {**chosen, **filmed, **measured, **limits, **self.environment}

    def as_json(self) -> dict[str, Any]:
        """Return what plan, manifest and image say of it; nothing in it names this machine."""
        return {
            "name": self.name,
            "command": list(self.command),
            "environment": dict(self.variables),
            "debian": list(self.debian),
            **({"camera": self.camera} if self.camera else {}),
            "devices": list(self.service.devices),
            "ports": list(self.service.ports),
            "volumes": list(self.service.volumes),
            **({"sockets": list(self.service.sockets)} if self.service.sockets else {}),
            "network": self.service.network_mode,
            "health": {key: value for key, value in asdict(self.health).items() if value},
        }


def load(folder: Path) -> App:
    """Return a folder's application.

    Raises BadInputError with every fault of jetson.toml, or where there is nothing to run.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise BadInputError(f"{folder} is no folder", "make one: ./inv app.new NAME")
    body = _read(folder / FILE)
    name = body.get("name") or image_name.of_folder(folder)
    app = App(
        folder=folder,
        name=name,
        command=tuple(body.get("command", ("python3", "app.py"))),
        requirements=_file(folder, body, "requirements", "requirements.txt"),
        wheels=_file(folder, body, "wheels", "wheels"),
        ignore=tuple(body.get("ignore", ())),
        include=tuple(body.get("include", ())),
        max_mb=body.get("max_mb", 512),
        backend=body.get("backend", "auto"),
        target=Target(**body.get("target", {})),
        debian=tuple(sorted(set(body.get("debian", {}).get("packages", ())))),
        build=_build(body.get("build", {})),
        environment=body.get("environment", {}),
        camera=body.get("camera", ""),
        service=_service(body.get("service", {}), body.get("camera", "")),
        health=_health(body.get("health", {})),
        tests=_tests(body.get("test", {})),
    )
    if "command" not in body and not (folder / "app.py").is_file():
        raise BadInputError(
            f"{folder} has neither app.py nor a command in {FILE}",
            candidates.advice(folder, FILE, app.requirements),
        )
    for key, command in (("command", app.command), ("health.command", app.health.command)):
        word = command_words.of(command).word
        if word.endswith(".py") and not word.startswith("/") and not (folder / word).exists():
            raise BadInputError(
                f"{folder / FILE}: {key} runs {word}, which is not there",
                command_words.several(word, folder) or f"correct {key}, or write it",
            )
    if app.camera.startswith("rtsp") and app.service.network_mode == "none":
        raise BadInputError(
            f"{folder / FILE}: camera is a stream, and service.network is none",
            'write network = "bridge", or leave it out',
        )
    if app.health.command and app.health.variables:
        raise BadInputError(
            f"{folder / FILE}: health.command is the application's own, and health has limits, "
            "which only the image's check keeps",
            "leave the command out, or the limits",
        )
    for name, key in _own_keys(app).items():
        if name in app.environment:
            raise BadInputError(
                f"{folder / FILE}: environment.{name} says what {key} is for",
                f"leave it out, and write {key}",
            )
    for file in filter(None, (app.tests.requirements, app.tests.video)):
        if not (folder / file).is_file():
            raise BadInputError(f"{folder / FILE}: [test] names {file}, which is not there")
    return app


def _own_keys(app: App) -> dict[str, str]:
    """Return the variables that keys of jetson.toml set, with these keys."""
    return {
        **{variable: f"health.{key}" for key, variable in LIMITS.items()},
        **({BACKEND_VARIABLE: "backend"} if app.backend != "auto" else {}),
        **({SOURCE_VARIABLE: "camera"} if app.camera else {}),
    }


def _read(path: Path) -> dict[str, Any]:
    """Return jetson.toml, checked; nothing where there is none."""
    try:
        if path.exists() and not path.is_file():
            raise BadInputError(f"{path} is no regular file", "write it anew, or remove it")
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInputError(
            f"{path} can't be read: {error.strerror}", "let it be read (chmod)"
        ) from error
    if len(raw) > LARGEST:
        raise BadInputError(f"{path} is larger than 1 MiB", "it is no file of settings")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeError as error:
        raise BadInputError(f"{path} is not UTF-8, as TOML is", "save it as UTF-8") from error
    body, wrong = toml_lines.read(text)
    if result := faults.of(body, text, wrong):
        raise BadInputError(f"{path}: {'; '.join(result)}", "correct it" if wrong else "")
    return body or {}


def _file(folder: Path, body: Mapping[str, Any], key: str, usual: str) -> str:
    """Return a path that jetson.toml names and that must be there, or the usual one if it is."""
    named = body.get(key)
    if named is None:
        return usual if (folder / usual).exists() else ""
    if not (folder / named).exists():
        raise BadInputError(
            f"{folder / FILE}: {key} names {named}, which is not there", "write it, or leave it out"
        )
    if key == "wheels" and not (folder / named).is_dir():
        raise BadInputError(
            f"{folder / FILE}: wheels names {named}, which is no folder",
            "name the folder that the wheels are in",
        )
    # What stays out of the image is known by its plain path.
    return posixpath.normpath(str(named))


def _service(row: Mapping[str, Any], camera: str) -> Service:
    """Return what the board gives, with what the camera needs of it."""
    lists = {key: tuple(row.get(key, ())) for key in ("devices", "ports", "volumes")}
    network = row.get("network", "")
    if camera.startswith("/dev/"):
        lists["devices"] = tuple(dict.fromkeys((*lists["devices"], camera)))
    sockets = (ARGUS,) if camera.startswith("csi://") else ()
    if camera.startswith("rtsp"):
        network = network or "bridge"
    return Service(**lists, sockets=sockets, network=network)


def _build(row: Mapping[str, Any]) -> Build:
    lists = {
        key: tuple(sorted(set(row.get(key, ())))) for key in ("debian", "requires", "constraints")
    }
    return Build(**{**row, **lists})


def _tests(row: Mapping[str, Any]) -> Tests:
    paths = {key: posixpath.normpath(row[key]) for key in ("folder", "requirements") if key in row}
    return Tests(**{**row, **paths})


def _health(row: Mapping[str, Any]) -> Health:
    return Health(**{**row, "command": tuple(row.get("command", ()))})
