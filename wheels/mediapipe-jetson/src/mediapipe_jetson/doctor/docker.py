"""Docker and NVIDIA's toolkit on the board: versions and settings that are known not to work."""

from __future__ import annotations

import json
import re
from typing import Any

from mediapipe_jetson.doctor import kit_image, projects, services, versions
from mediapipe_jetson.doctor.commands import Output
from mediapipe_jetson.doctor.files import unreadable
from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok, unknown
from mediapipe_jetson.doctor.scene import CONTAINER, Scene
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.l4t import L4t

INSIDE = "Docker can't be seen from inside a container; run this on the board itself"
NO_JETSON = "this is no Jetson"
DAEMON = "/etc/docker/daemon.json"
TOOLKIT = "/etc/nvidia-container-runtime/config.toml"
UNITS: tuple[str, ...] = (
    "/etc/systemd/system/docker.service.d/*.conf",
    "/etc/systemd/system/docker.service",
)
UNITS += ("/lib/systemd/system/docker.service", "/etc/default/docker")


def engine(scene: Scene) -> tuple[str, str]:
    """Return Docker's version and where it is from. Raises UnseenError."""
    output = scene.output("docker-version")
    if isinstance(output, str) and re.match(r"\d+\.\d+", output.strip()):
        return output.strip(), "docker version"
    package = scene.package("docker-ce", "docker.io")
    if package:
        return package.split(":", 1)[-1].split("-")[0], "dpkg"
    raise UnseenError(_absent(scene, output, "docker told no version"))


def toolkit_version(scene: Scene) -> tuple[str, str]:
    """Return the NVIDIA Container Toolkit's version and where it is from. Raises UnseenError."""
    output = scene.output("toolkit-version")
    match = re.search(r"version\s+(\d+\.\d+\.\d+)", output) if isinstance(output, str) else None
    if match:
        return match.group(1), "nvidia-ctk"
    package = scene.package("nvidia-container-toolkit", "nvidia-container-toolkit-base")
    if package:
        return re.split("[-~]", package)[0], "dpkg"
    raise UnseenError(_absent(scene, output, "nvidia-ctk told no version"))


def _absent(scene: Scene, output: Output, otherwise: str) -> str:
    """Return why a program of the board gave no output."""
    if not isinstance(output, Absent):
        return otherwise
    return INSIDE if scene.place == CONTAINER else output.reason


def _newer(scene: Scene, lowest: str) -> bool:
    """Return whether the toolkit is known to be this version or a later one."""
    try:
        return versions.at_least(toolkit_version(scene)[0], lowest)
    except UnseenError:
        return False


def _need_jetson(scene: Scene) -> None:
    if not scene.jetson:
        output = scene.output("docker-version")
        inside = scene.place == CONTAINER and isinstance(output, Absent)
        raise UnseenError(INSIDE if inside else NO_JETSON)


def _settings(scene: Scene) -> dict[str, Any]:
    """Return Docker's settings; {} where there are none. Raises ValueError for no JSON."""
    document = json.loads((scene.text(DAEMON) or "").strip() or "{}")
    return document if isinstance(document, dict) else {}


def iptable_raw(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge Docker 28 on kernels without iptable_raw."""
    version, source = engine(scene)
    if not versions.at_least(version, facts["docker_raw"]["from"]):
        return ok(f"Docker {version} ({source})")
    why = _does_without(scene, version, facts["docker_raw"])
    if why:
        return ok(f"Docker {version} with {why}")
    match = re.match(r"[\w.+~-]+$", (scene.text("/proc/sys/kernel/osrelease") or "").strip())
    release = match.group() if match else ""
    tables = (scene.text("/proc/net/ip_tables_names") or "").split()
    folder = f"/lib/modules/{release}"
    lists = [scene.text(f"{folder}/modules.{kind}") for kind in ("builtin", "dep")]
    if "raw" in tables or any("iptable_raw" in text for text in lists if text):
        return ok(f"Docker {version}; kernel {release} has iptable_raw")
    if not release or lists[1] is None:
        raise UnseenError(f"Docker {version}; modules of kernel {release or '?'} are not listed")
    return bad(f"Docker {version} ({source}); no iptable_raw in {folder}")


def _does_without(scene: Scene, version: str, raw: dict[str, Any]) -> str:
    """Return the setting by which this Docker sets no rule in the raw table, "" if none."""
    try:
        settings = _settings(scene)
    except ValueError as error:
        raise UnseenError(f"{DAEMON}: {unreadable.why(error)}") from error
    if settings.get("iptables") is False or settings.get("firewall-backend") == "nftables":
        return f"{DAEMON} that does without iptables"
    if versions.at_least(version, raw["waived_from"]) and _waived(scene, raw["variable"]):
        return str(raw["variable"])
    return ""


def _waived(scene: Scene, variable: str) -> bool:
    for pattern in UNITS:
        for path in sorted(scene.root.glob(pattern.lstrip("/"))):
            text = scene.text(f"/{path.relative_to(scene.root)}") or ""
            if re.search(rf"^[^#\n]*{variable}=[\"']?(1|true)", text, re.MULTILINE):
                return True
    return False


def clone3(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge docker.io and the runtime of JetPack 4."""
    known = facts["clone3"]
    output = scene.output("docker-containers")
    if isinstance(output, str) and known["text"] in output and not _newer(scene, known["toolkit"]):
        return bad(f'a container ended with "{known["text"]}"')
    if not isinstance(scene.l4t, L4t):
        _need_jetson(scene)
        raise UnseenError("the L4T release can't be seen")
    if not scene.l4t.release.startswith(f"{known['l4t']}."):
        return ok(f"L4T {scene.l4t.release} is not JetPack 4")
    version, _ = engine(scene)
    if not versions.at_least(version, known["docker"]):
        return ok(f"Docker {version}")
    installed_toolkit, _ = toolkit_version(scene)
    seen = f"Docker {version} with toolkit {installed_toolkit} on L4T {scene.l4t.release}"
    return ok(seen) if versions.at_least(installed_toolkit, known["toolkit"]) else bad(seen)


def runtime(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether Docker knows the nvidia runtime."""
    _need_jetson(scene)
    output = scene.output("docker-runtimes")
    if isinstance(output, str) and output.strip():
        listed = '"nvidia"' in output
        seen = "docker info"
    else:
        seen = DAEMON
        try:
            runtimes = _settings(scene).get("runtimes")
        except ValueError as error:
            return bad(f"{DAEMON} can't be read: {unreadable.why(error)}")
        listed = isinstance(runtimes, dict) and "nvidia" in runtimes
        if not listed and not scene.exists(DAEMON):
            engine(scene)  # without Docker there is nothing to say
    return (
        ok(f"{seen} lists the runtime nvidia") if listed else bad(f"{seen} lists no runtime nvidia")
    )


def toolkit(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge the toolkit's version."""
    _need_jetson(scene)
    version, source = toolkit_version(scene)
    soc = scene.soc
    if not soc and isinstance(scene.l4t, L4t) and scene.l4t.release.startswith("38."):
        soc = "tegra264"  # the only one that R38 runs on
    for entry in facts["toolkit"]:
        low = versions.at_least(version, entry["from"])
        if not low or versions.at_least(version, entry["below"]):
            continue
        if entry["socs"] and not soc:
            raise UnseenError(f"toolkit {version}, but which module this is can't be seen")
        if not entry["socs"] or soc in entry["socs"]:
            good = max((item["below"] for item in facts["toolkit"]), key=versions.parse)
            return bad(f"toolkit {version} ({source})", why=entry["why"], good=good)
    return ok(f"toolkit {version} ({source})")


def gpus_flag(scene: Scene, _facts: dict[str, Any]) -> Result:  # noqa: PLR0911 # one for each kind
    """Judge how containers are started: what the project writes, and what runs here."""
    mode = re.search(r'^\s*mode\s*=\s*"(\w[\w-]*)"', scene.text(TOOLKIT) or "", re.MULTILINE)
    if mode and mode.group(1) not in ("auto", "csv"):
        return ok(f'{TOOLKIT}: mode = "{mode.group(1)}", not csv')
    written = services.findings(scene, _default_runtime(scene))
    try:
        _need_jetson(scene)
    except UnseenError as why:
        if written and _written_for_jetson(scene):
            return services.wrong(written)
        return unknown(str(why), *(f"on a Jetson wrong: {item.text()}" for item in written))
    if written:
        return services.wrong(written)
    open_ = services.doubts(scene, _default_runtime(scene))
    output = scene.output("docker-containers")
    if isinstance(output, Absent):
        return unknown(_absent(scene, output, ""), *open_)
    for line in output.splitlines():
        name, runtime_name, requests, *_ = [*line.split("\t"), "", "", ""]
        if '"gpu"' in requests and runtime_name != "nvidia":
            shown = name.lstrip("/")
            return bad(f"container {shown}: --gpus with {runtime_name}", place=f"container {shown}")
    if open_:
        return unknown(*open_)
    count = len(output.splitlines())
    return ok(f"{count} {'container' if count == 1 else 'containers'}, none with --gpus alone")


def _written_for_jetson(scene: Scene) -> bool:
    """Return whether the project is for L4T, by jetson.toml or an image it starts from.

    The machine on which it is read proves nothing.
    """
    if scene.scan is None:
        return False
    images = scene.scan.images
    return kit_image.settings(scene.scan) is not None or any(
        known.l4t for item in images if (known := projects.image(item.image)) is not None
    )


def _default_runtime(scene: Scene) -> str:
    """Return the runtime that Docker takes where none is named."""
    try:
        return str(_settings(scene).get("default-runtime", ""))
    except ValueError:
        return ""
