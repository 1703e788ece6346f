"""What is observed of a container against what it must be: each difference one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jetson_kit.service import container_facts
from jetson_kit.service import contract as service
from jetson_kit.service import extra as service_extra
from jetson_kit.service.container_facts import Seen
from jetson_kit.service.contract import Device
from jetson_kit.service.extra import Extra, Volume

ID = "sha256:" + "a" * 64
JETSON = Device(nvidia_runtime=True, groups=(44, 109))
CSV = "dev, /dev/nvmap\nlib, /usr/lib/aarch64-linux-gnu/nvidia/libx.so\nsym, /etc/x\n# no, /no\n"


def seen(device: Device = JETSON, **changed: Any) -> Seen:
    """Return what is observed of a container that is as it must be."""
    own = service.load()
    variables = [f"{name}={value}" for name, value in own.env(ID, JETSON).items()]
    zero = dict.fromkeys(("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"), "0" * 16)
    host: dict[str, Any] = {
        "Privileged": False, "SecurityOpt": ["no-new-privileges:true"], "CapDrop": ["ALL"],
        "CapAdd": None, "NetworkMode": "none", "Memory": 3 << 30, "PidsLimit": 512, "Init": True,
        "RestartPolicy": {"Name": "unless-stopped"}, "PidMode": "", "IpcMode": "private",
        "UTSMode": "", "UsernsMode": "", "GroupAdd": [str(group) for group in device.groups],
        "Devices": [], "DeviceCgroupRules": None, "DeviceRequests": None, "ReadonlyRootfs": True,
        "Tmpfs": dict(own.tmpfs), "Runtime": own.runtime(device),
    }  # fmt: skip
    binds = [{"Type": "bind", "Source": folder.source, "Destination": folder.target, "RW": True}
             for folder in own.folders]  # fmt: skip
    mounts = [["/", False, "overlay"], ["/proc", True, "proc"], ["/tmp", True, "tmpfs"],
              *([folder.target, True, "ext4"] for folder in own.folders),
              ["/etc/hosts", False, "ext4"]]  # fmt: skip
    library = ["/usr/lib/aarch64-linux-gnu/nvidia/libx.so", False, "ext4"]
    driver = ([library], ["/dev/nvmap", "/dev/nvhost-gpu"]) if device.nvidia_runtime else ([], [])
    result = Seen(
        inspect={"HostConfig": host, "Config": {"User": own.user, "Env": variables}, "Image": ID,
                 "Mounts": binds},
        image={"Config": {"Labels": {container_facts.LABEL: "r36"}, "Env": variables[1:]},
               "RepoDigests": ["registry.example/x@sha256:b"]},
        status={"Uid": "10001 10001 10001 10001", "Gid": "10001 10001 10001 10001",
                "Groups": " ".join(map(str, (10001, *device.groups))), "NoNewPrivs": "1",
                "Seccomp": "2", **zero},
        probe={"nodes": ["/dev/null", *driver[1]], "mounts": mounts + driver[0], "written": []},
        injected=container_facts.injected(CSV),
    )  # fmt: skip
    parts = {"host": host, "status": dict(result.status), "probe": dict(result.probe)}
    for name, value in changed.items():
        part, _, key = name.partition("_")
        parts[part][key] = value
    changed_inspect = {**result.inspect, "HostConfig": parts["host"]}
    return replace(
        result, inspect=changed_inspect, status=parts["status"], probe=parts["probe"]
    )  # fmt: skip


def judge(observed: Seen, device: Device = JETSON) -> list[str]:
    own = service.load()
    return [
        *container_facts.privilege(observed, own),
        *container_facts.rights(observed, own),
        *container_facts.user(observed, own, device),
        *container_facts.devices(observed, device),
        *container_facts.mounts(observed, own, device),
        *container_facts.root(observed, own),
        *container_facts.runtime(observed, own, device, ID),
        *container_facts.identity(observed, ID),
    ]


@pytest.mark.parametrize("device", [JETSON, Device()])
def test_as_it_must_be(device: Device) -> None:
    assert judge(seen(device), device) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"host_Privileged": True}, "privileged: expected False, found True"),
        ({"host_SecurityOpt": None}, "security option: no-new-privileges is missing"),
        ({"host_SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, "seccomp=unconfined"),
        ({"host_PidMode": "host"}, "namespace shared with the host: PidMode"),
        ({"host_NetworkMode": "host"}, "network: expected 'none'"),
        ({"host_Memory": 0}, "memory limit"),
        ({"host_PidsLimit": None}, "limit of processes"),
        ({"host_CapAdd": ["SYS_ADMIN"]}, "added capability: SYS_ADMIN"),
        ({"host_CapDrop": None}, "dropped capability: ALL is missing"),
        ({"host_GroupAdd": []}, "group in the settings: 109 is missing"),
        ({"host_Devices": [{"PathInContainer": "/dev/x"}]}, "device in the settings: /dev/x"),
        ({"host_DeviceCgroupRules": ["c 1:1 rwm"]}, "rule for devices"),
        ({"host_DeviceRequests": [{"Count": -1}]}, "device requests"),
        ({"host_ReadonlyRootfs": False}, "read-only root in the settings"),
        ({"host_Runtime": "runc"}, "runtime: expected 'nvidia'"),
        ({"host_Tmpfs": {}}, "tmpfs"),
        ({"status_NoNewPrivs": "0"}, "no_new_privs"),
        ({"status_Seccomp": "0"}, "seccomp: expected '2'"),
        ({"status_CapEff": "0000000000200000"}, "capability in CapEff: sys_admin"),
        ({"status_CapBnd": "8000000000000000"}, "capability in CapBnd: cap_63"),
        ({"status_Uid": "0 0 0 0"}, "user of the first process"),
        ({"status_Groups": "10001 44 109 0"}, "group: 0 is there"),
        ({"status_Groups": "10001 44"}, "group: 109 is missing"),
        ({"probe_nodes": ["/dev/null"]}, "none of the GPU's is there"),
        ({"probe_nodes": ["/dev/nvmap", "/dev/sda"]}, "device node: /dev/sda"),
        ({"probe_written": ["/etc"]}, "a file could be written into /etc"),
    ],
)
def test_each_difference(changed: dict[str, Any], expected: str) -> None:
    """Each difference is reported, and nothing else."""
    result = judge(seen(**changed))
    assert any(expected in line for line in result), result
    assert len(result) <= 2, result


def test_mounts_of_the_driver() -> None:
    """What the runtime is told to bring is right on a Jetson, read-only, and nowhere else."""
    own = service.load()
    rows = list(seen().probe["mounts"])
    path = "/usr/lib/aarch64-linux-gnu/nvidia/libx.so"
    assert container_facts.mounts(seen(Device(), probe_mounts=rows), own, Device()) == [
        f"mount point: {path} is there and must not be"
    ]
    writable = [[point, True if point == path else flag, kind] for point, flag, kind in rows]
    assert container_facts.mounts(seen(probe_mounts=writable), own, JETSON) == [
        f"mount point: {path}, brought in, is writable"
    ]
    more = [*rows, ["/usr/lib/other.so", False, "ext4"]]
    assert container_facts.mounts(seen(probe_mounts=more), own, JETSON) == [
        "mount point: /usr/lib/other.so is there and must not be"
    ]
    mark = "/etc/mediapipe-jetson/emulated"
    reported = [*rows, [mark, False, "ext4"]]
    assert container_facts.mounts(seen(probe_mounts=reported), own, JETSON) == []
    reported = [*rows, [mark, True, "ext4"]]
    assert container_facts.mounts(seen(probe_mounts=reported), own, JETSON) == [
        f"mount point: {mark}, brought in, is writable"
    ]


APPLICATION = service_extra.parse(
    {
        "service_extra_options": [
            "--device=/dev/video0",
            "--device",
            "/dev/ttyUSB0:/dev/lidar:rw",
            "--publish=8080:8080",
            "--volume=/srv/maps:/maps:ro",
            "--mount=type=bind,source=/srv/logs,target=/logs",
            "-v",
            "faces:/data",
        ],
        "service_container": {"network": "bridge"},
        "service_device_nodes": ["/dev/video0", "/dev/tty USB0;x"],
    }
)


def test_what_an_inventory_says_of_an_application() -> None:
    assert APPLICATION.devices == ("/dev/video0", "/dev/lidar")
    assert APPLICATION.volumes == (
        Volume("bind", "/srv/maps", "/maps", False),
        Volume("bind", "/srv/logs", "/logs", True),
        Volume("volume", "faces", "/data", True),
    )
    assert APPLICATION.network == "bridge"
    assert r"/dev/nvmap" in service.nodes_command(APPLICATION.nodes)
    assert r" /dev/video0 /dev/tty\ USB0\;x 2>" in service.nodes_command(APPLICATION.nodes)
    assert service_extra.parse({"service_extra_options": 3, "service_container": "x"}) == Extra()
    for empty in (["--device"], ["--device="], ["--device=/"], ["--device", ""]):
        assert service_extra.parse({"service_extra_options": empty}) == Extra()


@pytest.mark.parametrize(
    ("left_out", "differences"),
    [
        ("", []),
        (
            "/dev/lidar",
            ["device in the settings: /dev/lidar is missing", "device node: /dev/lidar is"],
        ),
        ("/logs", ["mount: ('bind', '/srv/logs', '/logs', True) is missing", "mount point: /logs"]),
    ],
)
def test_an_applications_devices_and_volumes_are_there_and_no_others(
    left_out: str, differences: list[str]
) -> None:
    devices = [device for device in APPLICATION.devices if device != left_out]
    volumes = [volume for volume in APPLICATION.volumes if volume.target != left_out]
    nodes = [*seen().probe["nodes"], *devices]
    points = [
        *seen().probe["mounts"],
        *([volume.target, volume.writable, "ext4"] for volume in volumes),
    ]
    own = seen(
        host_Devices=[{"PathInContainer": device} for device in devices],
        probe_nodes=nodes,
        probe_mounts=points,
    )
    mounts = [
        {"Type": volume.kind, "Name": volume.source, "Source": "/x", "Destination": volume.target,
         "RW": volume.writable} if volume.kind == "volume" else
        {"Type": volume.kind, "Source": volume.source, "Destination": volume.target,
         "RW": volume.writable}
        for volume in volumes
    ]  # fmt: skip
    own = replace(own, inspect={**own.inspect, "Mounts": [*own.inspect["Mounts"], *mounts]})
    result = container_facts.devices(own, JETSON, APPLICATION)
    result += container_facts.mounts(own, service.load(), JETSON, APPLICATION)
    assert len(result) == len(differences), result
    for line, expected in zip(result, differences, strict=True):
        assert line.startswith(expected)
    if not left_out:
        odd = replace(APPLICATION, devices=("/dev/video?", "/dev/lidar"))
        assert container_facts.devices(own, JETSON, odd)
        opened = [[p, flag or p == "/maps", kind] for p, flag, kind in own.probe["mounts"]]
        own = replace(own, probe={**own.probe, "mounts": opened})
        assert container_facts.mounts(own, service.load(), JETSON, APPLICATION) == [
            "mount point: /maps is writable and must not be"
        ]
    # To an inventory that knows no application they are too many.
    assert container_facts.devices(own, JETSON)
    assert container_facts.mounts(own, service.load(), JETSON)


def test_small_readings() -> None:
    assert container_facts.capabilities("0000000000000000") == ()
    assert container_facts.capabilities("0000000000002001") == ("chown", "net_raw")
    assert (container_facts.size("3g"), container_facts.size("12")) == (3 << 30, 12)
    assert container_facts.injected(CSV)[0] == "/dev/nvmap"
    assert container_facts.digests(seen()) == {ID, "registry.example/x@sha256:b", "sha256:b"}
    assert container_facts.identity(seen(), "sha256:other")


def test_where_a_unit_runs_it_the_engine_must_not_start_it_again() -> None:
    """Two who start it would fight; that the unit does is looked up on the device."""
    by_unit = seen(host_RestartPolicy={"Name": "no"})
    labels = {"Labels": {container_facts.UNIT: "mediapipe.service"}}
    config = {**by_unit.inspect["Config"], **labels}
    by_unit = replace(by_unit, inspect={**by_unit.inspect, "Config": config})
    assert judge(by_unit) == []
    assert judge(seen(host_RestartPolicy={"Name": "no"})) == [
        "restart policy: expected 'unless-stopped', found 'no'"
    ]


def test_groups_of_compose() -> None:
    """Compose takes no equal entries, so a group that owns two nodes has zeros before it."""
    assert judge(seen(host_GroupAdd=["44", "0109", "00109"])) == []
    assert judge(seen(host_GroupAdd=["44", "109", "video"])) == [
        "group in the settings: video is there and must not be"
    ]
