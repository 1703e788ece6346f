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
from jetson_kit.fleet.sites.authority import Authority

TOP = '[controller]\naddress = "198.51.100.1"\n'


def write(folder: Path, text: str, **boards: str) -> Path:
    for name, hosts in boards.items():
        rows = "".join(f"    {row}\n" for row in hosts.split(";"))
        (folder / f"{name}.yml").write_text(f"all:\n  hosts:\n{rows}")
    path = folder / "sites.toml"
    path.write_text(TOP + text)
    return path


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
    ("berlin", "tokyo", "words"),
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
def test_one_board_at_two_sites(tmp_path: Path, berlin: str, tokyo: str, words: str) -> None:
    assert faults(write(tmp_path, TWO, berlin=berlin, tokyo=tokyo)) == [f"10: {words}"]


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
    ("rows", "words"),
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
def test_a_fault_of_one_site(tmp_path: Path, rows: str, words: str) -> None:
    text = f'[[site]]\nname = "b"\ninventory = "b.yml"\n{rows}\n'
    assert words in "\n".join(faults(write(tmp_path, text, b="b1: {}")))


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


REACHES = """
[[site]]
name = "hub"
inventory = "hub.yml"
address = "203.0.113.7"

[[site]]
name = "behind"
inventory = "behind.yml"
reach = "through"
through = "hub"

[[site]]
name = "called"
inventory = "called.yml"
reach = "dialed"
address = "called.example.org"
"""


def test_how_each_node_is_connected(tmp_path: Path) -> None:
    text = write(tmp_path, REACHES, hub="h: {}", behind="b: {}", called="c: {}")
    sites = inventory.load(text)
    nodes = {site.name: config.site_node(sites, site.name) for site in sites.sites}
    assert nodes["hub"].peer == "198.51.100.1:27199"
    assert nodes["hub"].listener == config.Listener("0.0.0.0", 27199, ("behind",))  # noqa: S104
    assert (nodes["behind"].peer, nodes["behind"].listener) == ("203.0.113.7:27199", None)
    assert nodes["called"].peer == ""
    assert nodes["called"].listener == config.Listener("0.0.0.0", 27199, ("controller",))  # noqa: S104
    for node in nodes.values():
        assert config.parse(node.as_json()) == node


def test_the_controller_lets_in_members_alone(tmp_path: Path) -> None:
    text = write(tmp_path, REACHES, hub="h: {}", behind="b: {}", called="c: {}")
    sites = inventory.load(text)
    by = Authority(tmp_path / "a")
    rows = config.of_controller(sites, tmp_path, by, {"hub": "aa", "called": "cc"})
    reported = {key: value for row in rows for key, value in row.items()}
    assert reported["tls-server"]["pinnedclientcert"] == ["aa"]
    assert reported["tls-server"]["requireclientcert"] is True
    assert reported["tcp-listener"]["allowedpeers"] == ["hub"]
    assert reported["tcp-peer"]["address"] == "called.example.org:27199"
    rules = reported["node"]["firewallrules"]
    assert [rule.get("fromnode") for rule in rules] == ["controller", "hub", "called", None]
    assert rules[-1] == {"action": "reject"}
    nobody = config.of_controller(sites, tmp_path, by, {})
    assert {"local-only": {}} in nobody
    assert not any("tcp-listener" in row for row in nobody)


def test_a_site_takes_signed_work_of_one_type_alone(tmp_path: Path) -> None:
    node = config.SiteNode("berlin", "controller", "198.51.100.1:27199", None)
    rows = config.of_site(node, tmp_path, tmp_path / "run")
    work = [row["work-command"] for row in rows if "work-command" in row]
    assert [item["worktype"] for item in work] == ["kit"]
    assert work[0]["verifysignature"] is True
    assert work[0]["allowruntimeparams"] is False
    assert not any("tcp-listener" in row for row in rows)
    assert config.to_yaml(rows).startswith("- node:")


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
    found = faults(write(folder, text))
    assert any("a name that no site takes" in fault for fault in found) or name == "."


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


def test_ipv6_addresses_stand_in_brackets(tmp_path: Path) -> None:
    text = REACHES.replace("203.0.113.7", "2001:db8::7").replace(
        "called.example.org", "2001:db8::8"
    )
    path = write(tmp_path, text, hub="h: {}", behind="b: {}", called="c: {}")
    path.write_text(path.read_text().replace('"198.51.100.1"', '"2001:db8::1"\nbind = "::"'))
    sites = inventory.load(path)
    nodes = {site.name: config.site_node(sites, site.name) for site in sites.sites}
    assert nodes["hub"].peer == "[2001:db8::1]:27199"
    assert nodes["behind"].peer == "[2001:db8::7]:27199"
    rows = config.of_controller(sites, tmp_path, Authority(tmp_path), {"hub": "a", "called": "c"})
    reported = {key: value for row in rows for key, value in row.items()}
    assert reported["tcp-peer"]["address"] == "[2001:db8::8]:27199"
    assert reported["tcp-listener"]["bindaddr"] == "[::]"


def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sites.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(BadInputError, match=f"{path} is no file of sites"):
        inventory.load(path)
