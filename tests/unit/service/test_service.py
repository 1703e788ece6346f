"""The service as data: its arguments, its groups, toolkits that are broken."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.service import contract as service
from jetson_kit.service import toolkit
from jetson_kit.service.contract import Device
from jetson_kit.verify import local as verify

ID = "sha256:" + "a" * 64
JETSON = Device(nvidia_runtime=True, groups=(44, 109))


def pairs(arguments: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(arguments))


def test_arguments_on_a_jetson() -> None:
    arguments = service.run_arguments(service.load(), ID, JETSON)
    for pair in (
        ("--user", "10001:10001"), ("--cap-drop", "ALL"), ("--security-opt", "no-new-privileges"),
        ("--runtime", "nvidia"), ("--group-add", "44"), ("--group-add", "109"),
        ("--env", "NVIDIA_VISIBLE_DEVICES=all"), ("--restart", "unless-stopped"),
        ("--env", f"MEDIAPIPE_JETSON_IMAGE_DIGEST={ID}"), ("--name", "mediapipe"),
    ):  # fmt: skip
        assert pair in pairs(arguments), pair
    assert {"--read-only", "--init"} <= set(arguments)
    assert "--privileged" not in arguments
    assert "--gpus" not in arguments
    assert arguments[-3:] == [ID, "sleep", "infinity"]


def test_arguments_without_a_gpu() -> None:
    arguments = service.run_arguments(service.load(), ID, Device())
    assert ("--runtime", "runc") in pairs(arguments)
    assert "--group-add" not in arguments
    assert not any(word.startswith("NVIDIA_") for word in arguments)


@pytest.mark.parametrize("device", [JETSON, Device()])
def test_both_forms_say_the_same(device: Device) -> None:
    own = service.load()
    argument_pairs = pairs(service.run_arguments(own, ID, device))
    options = service.run_options(own, ID, device)
    message = {value for flag, value in argument_pairs if flag == "--env"}
    assert message == {f"{name}={value}" for name, value in options["environment"].items()}
    assert [value for flag, value in argument_pairs if flag == "--group-add"] == options[
        "group_add"
    ]
    for flag, name in (("--user", "user"), ("--runtime", "runtime"), ("--memory", "mem_limit"),
                       ("--network", "network_mode"), ("--name", "name")):  # fmt: skip
        assert (flag, options[name]) in argument_pairs
    assert [value for flag, value in argument_pairs if flag == "--cap-drop"] == options["cap_drop"]


def test_a_throwaway_leaves_nothing() -> None:
    arguments = service.run_arguments(service.load().throwaway(), ID, Device())
    assert "--name" not in arguments
    assert "--mount" not in arguments
    assert ("--restart", "no") in pairs(arguments)


def test_groups_of_device_nodes() -> None:
    listing = "660 44 /dev/nvmap\n660 109 /dev/dri/renderD128\n666 5 /dev/nvidia0\n"
    listing += "600 6 /dev/nvhost-gpu\n660 0 /dev/nvidiactl\nstat: no such file\n"
    assert service.groups_of(listing) == (44, 109)
    assert service.groups_of("") == ()
    assert "/dev/nvmap" in service.nodes_command()


def test_a_damaged_table(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    for text in ("", "schema = [", "[container]\nname = 'x'\n"):
        path.write_text(text)
        with pytest.raises(BadInputError, match="no table of a service"):
            service.load(path)


@pytest.mark.parametrize(
    ("output", "soc", "expected"),
    [
        ("NVIDIA Container Toolkit CLI version 1.17.2\ncommit: x", "tegra234", "1.17.4"),
        ("NVIDIA Container Toolkit CLI version 1.17.4", "tegra234", ""),
        ("NVIDIA Container Toolkit CLI version 1.17.4", "tegra264", "1.17.7"),
        ("NVIDIA Container Toolkit CLI version 1.16.2", "", ""),
        ("NVIDIA Container Toolkit CLI version 1.20.0", "tegra264", ""),
    ],
)
def test_toolkits_known_to_be_broken(output: str, soc: str, expected: str) -> None:
    version = toolkit.version_of(output)
    assert version is not None
    why, cure = toolkit.why_broken(version, soc)
    assert bool(why) == bool(expected)
    assert expected in cure
    assert toolkit.version_of("command not found") is None


def test_a_pc_whose_engine_knows_no_nvidia_runtime_asks_for_its_cards() -> None:
    options = verify.with_card({"A": "b"})
    (request,) = options["device_requests"]
    assert (request["Count"], request["Capabilities"]) == (-1, [["gpu"]])
    # Without `graphics` there is neither EGL nor Vulkan, without `utility` no NVML.
    assert options["environment"] == {
        "A": "b", "NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "all",
    }  # fmt: skip
