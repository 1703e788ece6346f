"""What the roles set in /etc/mediapipe-jetson, with a default for everything."""

from pathlib import Path
from types import MappingProxyType
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from mediapipe_image import disk
from mediapipe_image.errors import BadInputError

# How an image comes: layers by rsync, or a pull by the engine.
ARCHIVE, REGISTRY = "archive", "registry"
# One for each role that has settings.
FILES = ("image.json", "service.json")
# No number of them is greater: a petabyte.
MOST = 1 << 50
SIZES = "folder_limits"


class Settings(NamedTuple):
    """How this device runs and keeps images; times in seconds, space in bytes."""

    unit: str = "mediapipe.service"
    container: str = "mediapipe"
    repository: str = "mediapipe-jetson"
    # From the restart of the service until the image must be healthy.
    healthy_limit_s: float = 120.0
    # How long an image without a health check must run to count as healthy.
    settled_s: float = 5.0
    # How long a trial may take in all, healthy or not, until it is confirmed.
    trial_limit_s: float = 3600.0
    # A trial that restarts the whole device this often goes back.
    trial_boots: int = 3
    # Bytes that the container may leave in folders of the device.
    folder_limits: Mapping[str, int] = MappingProxyType({})
    reserve_bytes: int = 256 * 2**20
    # So many keys of allowed_signers must sign a release, and a list of signers.
    release_threshold: int = 1
    owner_threshold: int = 1
    # auto: where the engine knows NVIDIA's runtime.
    nvidia: str = "auto"
    nvidia_runtime: str = "nvidia"
    nvidia_environment: Mapping[str, str] = MappingProxyType({})
    # What runs in place of the image's own command; empty: nothing does.
    command: Tuple[str, ...] = ()
    # Globs of device nodes; the container's user joins the groups that own them, by number.
    device_nodes: Tuple[str, ...] = ()


def load() -> Settings:
    """Return the settings. Raises BadInputError for unknown names, wrong types and numbers."""
    result: Dict[str, Any] = {}
    for name in FILES:
        path = disk.ETC / name
        result.update(_checked(path, disk.read_json(path) or {}))
    return Settings(**result)


def _checked(path: Path, found: Dict[str, Any]) -> Dict[str, Any]:
    defaults = Settings()._asdict()
    for name, value in found.items():
        if name not in defaults:
            raise BadInputError(f"{path} has an unknown setting: {name}")
        # What JSON has in place of the immutable defaults.
        requested: type = type(defaults[name])
        requested = (
            dict if requested is MappingProxyType else list if requested is tuple else requested
        )
        number = requested in (int, float) and isinstance(value, (int, requested))
        if isinstance(value, bool) or not (number or isinstance(value, requested)):
            raise BadInputError(f"{path}: {name} must be a {requested.__name__}")
        if number and not 0 <= value <= MOST:
            raise BadInputError(f"{path}: {name} must be from 0 to {MOST}")
        found[name] = requested(value)
        held = value.values() if requested is dict else value if requested is list else ()
        if not all(_is_size(item) if name == SIZES else isinstance(item, str) for item in held):
            raise BadInputError(f"{path}: {name} holds something of another kind")
    for name in ("release_threshold", "owner_threshold"):
        if found.get(name, 1) < 1:
            raise BadInputError(f"{path}: {name} must be 1 or more")
    if found.get("nvidia", "auto") not in ("auto", "on", "off"):
        raise BadInputError(f"{path}: nvidia must be auto, on or off")
    return found


def _is_size(value: Any) -> bool:  # noqa: ANN401 # JSON
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
