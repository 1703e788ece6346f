"""The file of sites: read whole, each fault with its line, before anything is contacted."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.sites import config, inventory, plan
from tests.unit.fleet.sites_file import TOP, write


def faults(path: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        inventory.load(path)
    assert caught.value.exit_code == 2
    return [f"{fault.where.rpartition(':')[2]}: {fault.what}" for fault in caught.value.faults]


TWO = """
[[site]]
name = "berlin"
inventory = "berlin.yml"

[[site]]
name = "tokyo"
inventory = "tokyo.yml"
canary = true
window = "22:00-05:00"
"""


def test_sites_and_their_boards(tmp_path: Path) -> None:
    path = write(tmp_path, TWO, berlin="b1: {};b2: {}", tokyo="t1: {}")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    sites = inventory.load(path)
    assert sites.boards == {"berlin": ("b1", "b2"), "tokyo": ("t1",)}
    assert [wave.sites for wave in plan.waves(sites.sites)] == [("tokyo",), ("berlin",)]
    assert plan.SitesPlan().for_site(sites.sites[1]).window == "22:00-05:00"


@pytest.mark.parametrize(
    ("berlin", "tokyo", "expected"),
    [
        ("one: {}", "one: {}", "tokyo and berlin both have the board one"),
        (
            "b1: {ansible_host: 8.8.8.8}",
            "t1: {ansible_host: 8.8.8.8}",
            "tokyo and berlin both have the address 8.8.8.8, port 22",
        ),
        (
            "b1: {ansible_host: '2001:4860:4860::8888'}",
            "t1: {ansible_host: '2001:4860:4860:0:0:0:0:8888'}",
            "tokyo and berlin both have the address 2001:4860:4860::8888, port 22",
        ),
        (
            "b1: {ansible_host: '2001:DB9::A', ansible_port: 2222}",
            "t1: {ansible_host: '2001:db9:0::a', ansible_port: '2222'}",
            "tokyo and berlin both have the address 2001:db9::a, port 2222",
        ),
        (
            "b1: {ansible_host: '::ffff:8.8.8.8'}",
            "t1: {ansible_ssh_host: 8.8.8.8, ansible_port: 22}",
            "tokyo and berlin both have the address 8.8.8.8, port 22",
        ),
        (
            "b1: {ansible_host: 8.8.8.8, ansible_user: root}",
            "8.8.8.8: {ansible_user: admin}",
            "tokyo and berlin both have the address 8.8.8.8, port 22",
        ),
    ],
)
def test_one_board_at_two_sites(tmp_path: Path, berlin: str, tokyo: str, expected: str) -> None:
    assert faults(write(tmp_path, TWO, berlin=berlin, tokyo=tokyo)) == [f"10: {expected}"]


def test_networks_of_sites_may_have_the_same_addresses(tmp_path: Path) -> None:
    both = {"berlin": "b1: {ansible_host: 10.0.0.5}", "tokyo": "t1: {ansible_host: 10.0.0.5}"}
    assert len(inventory.load(write(tmp_path, TWO, **both)).sites) == 2


def test_all_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = """
[[site]]
name = "Berlin!"
inventory = "berlin.yml"

[[site]]
name = "tokyo"
inventory = "lost.yml"
windw = "22:00-05:00"

[[site]]
name = "rome"
inventory = "berlin.yml"
reach = "through"
through = "paris"
order = "first"

[[site]]
name = "oslo"
inventory = "berlin.yml"
window = "evening"
"""
    result = faults(write(tmp_path, text, berlin="b1: {}"))
    assert result == [
        "5: name is 'Berlin!'",
        "11: there is no windw",
        "18: order is 'first'",
        "23: window is 'evening'",
        "17: it comes through paris, which is no other site",
        f"10: there is no inventory {tmp_path / 'lost.yml'}",
        "15: rome and Berlin! both have the board b1",
        "22: oslo and Berlin! both have the board b1",
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ('reach = "dialed"', "b has no address, and is dialed"),
        ('reach = "through"\nthrough = "nowhere"', "comes through nowhere"),
        ('node = "controller"', "the controller and b have one node"),
        ("port = 99999", "port is 99999"),
        ('address = "-oProxyCommand=x"', "is no address"),
        ('address = "::::"', "is no address"),
        ('address = "fe80::1%eth0"', "is no address"),
        ('address = "a:b"', "is no address"),
        ('address = "host/path"', "is no address"),
        ('arch = "riscv"', "arch is 'riscv'"),
        ('python = "2.7"', "python is '2.7'"),
    ],
)
def test_a_fault_of_one_site(tmp_path: Path, rows: str, expected: str) -> None:
    text = f'[[site]]\nname = "b"\ninventory = "b.yml"\n{rows}\n'
    assert expected in "\n".join(faults(write(tmp_path, text, b="b1: {}")))


def test_a_fault_of_type_hides_none_of_value(tmp_path: Path) -> None:
    text = """
[[site]]
name = "b"
inventory = "b.yml"
order = "first"
arch = "riscv"
python = "2.7"
reach = "shouts"
address = "-x"
window = "evening"
port = 99999
canary = 1

[[site]]
inventory = 7
name = "-b"
node = "controller"
"""
    assert faults(write(tmp_path, text, b="b1: {}")) == [
        "7: order is 'first'",
        "8: arch is 'riscv'",
        "9: python is '2.7'",
        "10: reach is 'shouts'",
        "13: port is 99999",
        "14: canary is 1",
        "12: window is 'evening'",
        "11: '-x' is no address",
        "17: inventory is 7",
        "18: name is '-b'",
    ]


def test_a_fault_of_the_controller_hides_none_of_the_sites(tmp_path: Path) -> None:
    path = write(tmp_path, '[[site]]\nname = "b"\ninventory = "b.yml"\narch = "z80"\n', b="b1: {}")
    path.write_text(path.read_text().replace('"198.51.100.1"', "7\njoin_port = 0"))
    assert faults(path) == ["2: address is 7", "3: join_port is 0", "7: arch is 'z80'"]


@pytest.mark.parametrize("rows", ['site = [1, "x"]', "site = [[]]"])
def test_a_site_that_is_no_table(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "sites.toml"
    path.write_text(f"{rows}\n{TOP}")
    assert any("a site is" in fault for fault in faults(path))


@pytest.mark.parametrize(
    "rows",
    ["port = 27198", "join_port = 27199", "port = 4000\njoin_port = 4000"],
)
def test_the_controller_has_two_ports(tmp_path: Path, rows: str) -> None:
    text = f'{rows}\n[[site]]\nname = "b"\ninventory = "b.yml"\n'
    (fault,) = faults(write(tmp_path, text, b="b1: {}"))
    assert fault.startswith(f"{2 + len(rows.splitlines())}: port and join_port are both")


def test_what_is_no_toml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no file of sites"):
        inventory.load(write(tmp_path, "[[site"))


def test_the_sample_of_the_documents_is_good(tmp_path: Path) -> None:
    page = (paths.ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    for row in tomllib.loads(sample)["site"]:
        place = tmp_path / row["inventory"]
        if row["inventory"].endswith("/"):
            place.mkdir()
            place /= "hosts.yml"
        place.write_text(f"all:\n  hosts:\n    {row['name']}-1: {{}}\n")
    (tmp_path / "sites.toml").write_text(sample)
    sites = inventory.load(tmp_path / "sites.toml")
    assert set(sites.boards) == {"berlin", "tokyo", "depot"}
    assert all(sites.boards.values())
    for site in sites.sites:
        config.site_node(sites, site.name)


@pytest.mark.parametrize(
    "name", ["-i", "--only", "m\u00fcnchen", "a/b", "a.b", "", "a\tb", "x" * 64]
)
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    text = f'[[site]]\nname = "{name}"\ninventory = "b.yml"\n'.replace("\t", "\\t")
    (fault,) = faults(write(tmp_path, text, b="b1: {}"))
    assert "name is" in fault


@pytest.mark.parametrize("name", ["..", ".", "-x.yml", "h\u00f6sts.yml", "two words.yml"])
def test_an_inventory_that_no_site_would_take_is_refused_here(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sites.d"
    folder.mkdir()
    text = f'[[site]]\nname = "b"\ninventory = "{name}"\n'
    if name.endswith(".yml"):
        (folder / name).write_text("all:\n  hosts:\n    b1: {}\n")
    result = faults(write(folder, text))
    assert any("a name that no site takes" in fault for fault in result) or name == "."


SAME = """
[[site]]
name = "a"
inventory = "a.yml"
reach = "dialed"
address = "Hub.example"

[[site]]
name = "b"
inventory = "b.yml"
reach = "dialed"
address = "hub.example"
"""


def test_two_sites_on_one_host_need_two_ports(tmp_path: Path) -> None:
    boards = {"a": "a1: {}", "b": "b1: {}"}
    (fault,) = faults(write(tmp_path, SAME, **boards))
    assert fault.endswith("a and b are both dialed at one address and port")
    inventory.load(write(tmp_path, SAME + "port = 4000\n", **boards))


def test_ranges_are_boards(tmp_path: Path) -> None:
    text = '[[site]]\nname = "b"\ninventory = "b.yml"\n'
    sites = inventory.load(write(tmp_path, text, b='"board[001:500]": {};"x[a:c]": {}'))
    assert len(sites.boards["b"]) == 503
    assert {"board001", "board500", "xb"} <= set(sites.boards["b"])


def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sites.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(BadInputError, match=f"{path} is no file of sites"):
        inventory.load(path)
