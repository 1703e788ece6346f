"""Which devices may be asked for, and what the table of faults and the inventory hold."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import yaml

from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.virtual_devices import (
    device_request,
    engines,
    faults,
    inventory,
    limits,
    loops,
    next_steps,
    store,
)
from jetson_kit.virtual_devices.spec import KINDS, Device

HOST = device_request.host_arch()
OTHER = "arm64" if HOST == "amd64" else "amd64"


def test_nothing_asked_for_is_a_container_that_looks_like_the_default_target() -> None:
    request = device_request.check()
    assert (request.kind, request.count, request.arch, request.cpu) == (
        "container",
        1,
        HOST,
        "host",
    )
    assert (request.module, request.l4t) == ("orin-nano-8gb", targets.load().default.l4t)


def test_a_vm_is_arm64_with_a_core_that_runs_what_the_soc_runs() -> None:
    assert device_request.check(kind="vm").cpu == "cortex-a76"
    nano = device_request.check(kind="vm", module="nano")
    assert (nano.arch, nano.cpu) == ("arm64", "cortex-a57")
    assert nano.l4t.startswith("32.")


def test_a_release_alone_picks_one_of_its_modules() -> None:
    assert device_request.check(l4t="jetpack6").module == "orin-nano-8gb"
    request = device_request.check(l4t="r32")
    assert request.module in {module.id for module in targets.resolve("r32").modules}


def test_every_module_on_every_one_of_its_releases_can_be_asked_for() -> None:
    for target in targets.load().all:
        for module in target.modules:
            request = device_request.check(kind="vm", module=module.id, l4t=target.l4t)
            assert (request.module, request.l4t) == (module.id, target.l4t)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"kind": "cloud"}, 'unknown kind "cloud"; take vm or container'),
        ({"count": 0}, "0 devices can't be made; take 1 to 64"),
        ({"count": 65}, "65 devices can't be made"),
        ({"arch": "riscv64"}, 'unknown architecture "riscv64"'),
        ({"arch": OTHER}, f"take --kind vm --arch {OTHER}"),
        ({"kind": "vm", "memory_mib": 1536}, "--memory is of containers"),
        ({"module": "orin-nano"}, "did you mean orin-nano-"),
        ({"module": "nano", "l4t": "36.4.4"}, "Jetson Nano has no L4T r36.4.4; it has r"),
        ({"l4t": "99"}, "L4T 99 is newer than the newest release"),
        ({"engine": "7"}, 'unknown engine "7"; take one of 20.10, 26, 28, 28-containerd'),
        ({"prefix": "Jetson"}, 'no name of a device can begin with "Jetson"; take a letter'),
        ({"prefix": "-x"}, 'can begin with "-x"'),
        ({"prefix": "a/b"}, 'can begin with "a/b"'),
        ({"prefix": "ä b"}, 'can begin with "ä b"'),
        ({"prefix": "9"}, 'can begin with "9"'),
        ({"prefix": "a" * 38}, "digits and hyphens, 37 at most"),
    ],
)
def test_what_cannot_be_is_refused_with_the_cure(options: dict[str, object], why: str) -> None:
    with pytest.raises(BadInputError) as caught:
        device_request.check(**options)  # type: ignore[arg-type]
    assert why in caught.value.line()


def test_a_device_has_the_default_engine_or_the_one_asked_for() -> None:
    assert device_request.check().engine == engines.default() == "20.10"
    assert device_request.check(kind="vm", engine="28-containerd").engine == "28-containerd"


def test_every_engine_says_where_it_keeps_images() -> None:
    result = {name: engines.get(name) for name in engines.names()}
    assert {engine.store for engine in result.values()} == {"classic", "containerd"}
    for item in result.values():
        on = item.daemon.get("features", {}).get("containerd-snapshotter", False)
        assert on == (item.store == "containerd")


def test_every_fault_is_had_or_refused_by_every_kind() -> None:
    rows = faults.table()["faults"]
    assert len(rows) == 9
    for name, row in rows.items():
        assert row["does"], name
        for kind in KINDS:
            assert bool(row.get(kind)) != bool(row.get("refused", {}).get(kind)), (name, kind)
        assert bool(row.get("shell")) == ("on" in row and "off" in row), name


def test_scripts_use_only_values_that_there_are() -> None:
    known = {*faults.table()["values"], "rate_kbyte", "now"}
    for row in faults.table()["faults"].values():
        for way in ("on", "off"):
            fields = {field for _, field, _, _ in string.Formatter().parse(row.get(way, ""))}
            assert fields - {None} <= known


def test_every_kind_has_its_limits() -> None:
    for kind in KINDS:
        assert limits.of(kind)["ssh_s"] > 0
    assert limits.of("container")["memory_mib"] == 400


def device(folder: Path, name: str, module: str = "orin-nano-8gb", l4t: str = "36.4.4") -> Device:
    return Device(
        name=name,
        kind="container",
        arch=HOST,
        module=module,
        l4t=l4t,
        cpu="host",
        folder=folder / name,
        address="127.0.0.1",
        port=22200,
        user="root",
        key=folder / name / "key",
        known_hosts=folder / name / "known_hosts",
    )


def test_the_inventory_holds_those_that_are_ready(tmp_path: Path) -> None:
    first = store.new(device(tmp_path, "a-1"))
    ready = store.Record(device(tmp_path, "a-2", "nano", "32.7.6"), "ready", first.owner, 0.0)
    children = inventory.content([first, ready])["all"]["children"]
    assert list(children["emulated"]["hosts"]) == ["a-2"]
    assert children["emulated"]["vars"]["mediapipe_expect"] == "software"
    assert set(children) == {"emulated", "kind_container", "module_nano", "l4t_r32"}
    facts = children["emulated"]["hosts"]["a-2"]
    assert facts["ansible_port"] == 22200
    assert "StrictHostKeyChecking=yes" in facts["ansible_ssh_common_args"]
    assert yaml.safe_load(yaml.safe_dump(children)) == children


def test_without_devices_the_inventory_is_one_all_the_same() -> None:
    assert inventory.content([])["all"]["children"]["emulated"]["hosts"] == {}


@pytest.mark.parametrize(
    ("options", "build", "release"),
    [
        ({}, "--variant emulated", f"native-{HOST}-emulated"),
        ({"kind": "vm", "arch": "amd64"}, "--variant emulated", "native-amd64-emulated"),
        ({"kind": "vm"}, "--jetson --l4t 36.4.4", "r36.4.4"),
        ({"kind": "vm", "module": "nano", "l4t": "32.7.6"}, "--jetson --l4t 32.7.6", "r32.7.6"),
    ],
)
def test_the_next_commands_fit_the_devices(
    options: dict[str, str], build: str, release: str
) -> None:
    request = device_request.check(**options)  # type: ignore[arg-type]
    result = next_steps.lines(request, Path("/a b/inventory.yml"), has_key=True)
    assert result[1:5] == (
        "  ./inv fleet.provision -i '/a b/inventory.yml'",
        f"  ./inv build {build}",
        f"  ./inv fleet.release {release}",
        f"  ./inv fleet.rollout {release} -i '/a b/inventory.yml' --canary 1",
    )
    assert "fleet.key" in next_steps.lines(request, Path("x"), has_key=False)[1]


def test_how_to_get_more_memory_is_told() -> None:
    small, large = (device_request.check(memory_mib=number) for number in (0, 1536))
    assert (
        "more than these 400 MiB: ./inv devices.up --memory 1536"
        in next_steps.lines(small, Path("x"), has_key=True)[-1]
    )
    assert "MiB" not in "".join(next_steps.lines(large, Path("x"), has_key=True))


def test_a_machine_that_has_loop_devices_says_so() -> None:
    assert isinstance(loops.usable(), str)
