"""Which node of the mesh connects to which, and what it takes from whom."""

from __future__ import annotations

from pathlib import Path

from jetson_kit.fleet.sites import config, inventory
from jetson_kit.fleet.sites.authority import Authority
from tests.unit.fleet.sites_file import write

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
