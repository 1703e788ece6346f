"""Inventories as Ansible reads them, and what they expect of a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.ansible_driver import inventory
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.service import contract as service
from jetson_kit.service import expectation

EXAMPLE = ROOT / "ansible" / "inventories" / "example"
TWO = """
all:
  children:
    gpu:
      hosts:
        a: {ansible_host: 192.0.2.1, ansible_user: jetson, ansible_port: 2222}
      vars:
        ansible_ssh_common_args: -o ProxyJump=gate
        ansible_ssh_private_key_file: ~/.ssh/board
    emulated:
      hosts:
        b:
        inner: {ansible_connection: docker}
"""


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yml"
    path.write_text(TWO)
    return path


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> inventory.Inventory:
    """Return the same, read."""
    path = tmp_path_factory.mktemp("read") / "hosts.yml"
    path.write_text(TWO)
    return inventory.read(path)


def test_a_limit_is_kept(two: Path) -> None:
    assert [host.name for host in inventory.load(two, "b,a")] == ["a", "b"]


@pytest.mark.parametrize("home", ["/proc/x", "/dev/null", "~"])
def test_a_user_whose_home_cant_be_written_in(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """As a service's user may have."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert [host.name for host in inventory.load(two)] == ["a", "b", "inner"]
    assert not (tmp_path / "~").exists()  # as expanduser leaves it, HOME too being unknown


def test_hosts_and_how_ssh_reaches_them(two: Path) -> None:
    first, second, inner = inventory.load(two)
    assert first.address == "jetson@192.0.2.1"
    key = str(Path("~/.ssh/board").expanduser())
    assert first.ssh_options() == ("-o", "ProxyJump=gate", "-p", "2222", "-i", key)
    assert (second.address, second.ssh_options()) == ("b", ())
    with pytest.raises(BadInputError, match="connection 'docker'"):
        inner.ssh_options()


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        ("gpu", ["a"]),
        ("b,a", ["a", "b"]),
        ("in*", ["inner"]),
        ("a, ,", ["a"]),
        ("!a", ["b", "inner"]),
        ("all,!gpu,!in*", ["b"]),
        ("!b,emulated", ["inner"]),
        ("&gpu", ["a"]),
        ("all,&emulated,!inner", ["b"]),
        ("b,&all", ["b"]),
    ],
)
def test_limits(read: inventory.Inventory, limit: str, names: list[str]) -> None:
    assert [host.name for host in read.limited(limit)] == names


@pytest.mark.parametrize(
    "limit",
    ["a,nobody", ",", " ", ",, ,", "!x", "~a", "a:b", "&", "!", "@a", "!&gpu", "&!gpu", "&!", "!!a",
     "&&", "all,&!a"],
)  # fmt: skip
def test_limits_that_name_nothing(read: inventory.Inventory, limit: str) -> None:
    with pytest.raises(BadInputError, match="names no host"):
        read.limited(limit)


@pytest.mark.parametrize("limit", ["a,!a", "!all", "gpu,&emulated", "a,!gpu"])
def test_limits_that_leave_nothing(read: inventory.Inventory, limit: str) -> None:
    with pytest.raises(BadInputError, match="leaves no host"):
        read.limited(limit)


@pytest.mark.parametrize("text", ["all: [\n", "all:\n  hosts: {}\n", ""])
def test_no_inventory(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"is no inventory|has no hosts"):
        inventory.load(path)
    with pytest.raises(BadInputError, match="there is no inventory"):
        inventory.load(tmp_path / "other")


def test_broken_yaml_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("jetsons:\n  hosts:\n    a: {ansible_host: 10.0.0.1\n    b: {}\n")
    with pytest.raises(BadInputError, match=r"hosts.yml is no inventory: line 4: "):
        inventory.read(path)


def test_the_example_says_the_defaults() -> None:
    """Each variable stands there, with the default that the code has."""
    shared = yaml.safe_load((EXAMPLE / "group_vars" / "all.yml").read_text())
    assert expectation.parse("x", shared) == expectation.parse("x", {})
    result = {host.name: host for host in inventory.load(EXAMPLE)}
    expected = {name: expectation.parse(name, host.variables) for name, host in result.items()}
    assert {name: item.verdict for name, item in expected.items()} == {
        "camera-1": "gpu",
        "camera-2": "gpu",
        "virtual-1": "software",
    }
    assert (expected["camera-1"].level, expected["camera-2"].l4t) == ("full", "36.4.4")
    assert expected["camera-2"].tasks == ("HandLandmarker",)
    for word in ("gpu", "virtual-1"):
        assert inventory.load(EXAMPLE, word)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mediapipe_expect", "broken"),
        ("mediapipe_expect", True),
        ("mediapipe_level", "soak"),
        ("mediapipe_tasks", "FaceLandmarker"),
        ("mediapipe_tasks", []),
        ("mediapipe_tasks", ["Nose"]),
        ("mediapipe_container", "a b"),
        ("mediapipe_container", None),
        ("mediapipe_image", 5),
        ("mediapipe_l4t", 36.4),
        ("mediapipe_report_max_age_s", "1"),
        ("mediapipe_report_max_age_s", 0),
        ("mediapipe_report_max_age_s", True),
        ("mediapipe_controls", "no"),
        ("mediapipe_timeout_s", -1),
    ],
)
def test_wrong_expectations(name: str, value: Any) -> None:
    with pytest.raises(BadInputError, match=f"board: {name} is") as result:
        expectation.parse("board", {name: value})
    assert result.value.cure


def test_the_service_of_a_host() -> None:
    own = expectation.parse("x", {"mediapipe_container": "c", "mediapipe_reports": "/r"}).service
    assert own.reports is not None
    assert (own.name, own.reports.source) == ("c", "/r")
    assert own.reports.target == service.load().reports.target  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["hosts.yml", "hosts.ini", "hosts"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_inventory_of_utf_16_is_told(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes((TWO if name.endswith("yml") else "[boards]\na\n").encode(encoding))
    with pytest.raises(BadInputError, match="is no inventory: it is UTF-16, not UTF-8"):
        inventory.load(path)
