"""One inventory in many forms: what Ansible renders, and what both ansible-cores make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver import ansible, environments, inventory, program_environment
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet import check

pytestmark = pytest.mark.slow

TEMPLATED = """\
all:
  vars: {ansible_host: "{{ inventory_hostname }}.lab.example", ansible_port: "{{ 2200 + number }}"}
  hosts:
    j1: {number: 1}
    j2: {number: 2}
"""
RANGE = '[boards]\nj[01:03] ansible_host="192.0.2.1{{ inventory_hostname[2] }}"\n'
CHILDREN = """\
[site:children]
boards
[boards]
a
[site:vars]
ansible_user={{ who }}
ansible_host={{ inventory_hostname }}.{{ group_names | first }}.example
[all:vars]
who=jetson
"""
SCRIPT = """\
#!{python}
import json
user = "{{{{ 'jet' ~ 'son' }}}}"
print(json.dumps({{"boards": {{"hosts": ["a"], "vars": {{"ansible_user": user}}}},
                  "_meta": {{"hostvars": {{"a": {{"ansible_host": "2001:db8::1"}}}}}}}}))
"""
CONSTRUCTED = """\
plugin: ansible.builtin.constructed
strict: true
compose: {ansible_host: "inventory_hostname ~ '.lab.example'", ansible_port: "2000 + 200"}
groups: {boards: "true"}
"""
ALIASES = """\
all:
  hosts:
    a: {ansible_host: 192.0.2.1, ansible_ssh_host: 192.0.2.2, ansible_ssh_port: 2222,
        ansible_user: old, ansible_ssh_user: new}
"""


def write(folder: Path, **files: str) -> Path:
    """Write files, named with __ for / and _DOT_ for a dot; return the folder."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def addresses(path: Path) -> dict[str, str]:
    return {
        host.name: " ".join([host.address, *host.ssh_options()]) for host in inventory.load(path)
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"hosts_DOT_yml": TEMPLATED},
         {"j1": "j1.lab.example -p 2201", "j2": "j2.lab.example -p 2202"}),
        ({"hosts_DOT_ini": RANGE},
         {"j01": "192.0.2.11", "j02": "192.0.2.12", "j03": "192.0.2.13"}),
        ({"hosts": CHILDREN}, {"a": "jetson@a.boards.example"}),
        ({"hosts_DOT_yml": "all: {hosts: {a: }}", "group_vars__all__reach_DOT_yml":
          "ansible_host: \"{{ lookup('env', 'BOARD_DOMAIN') | default('x.example', true) }}\"\n"},
         {"a": "x.example"}),
        ({"hosts_DOT_yml": "all: {hosts: {a: , b: }}", "host_vars__a_DOT_yml":
          "ansible_host: \"{{ hostvars['b'].ansible_host }}\"\n",
          "host_vars__b_DOT_yml": "ansible_host: 192.0.2.7\n"},
         {"a": "192.0.2.7", "b": "192.0.2.7"}),
        ({"a_DOT_yml": "all: {hosts: {a: }}", "b_DOT_yml": CONSTRUCTED},
         {"a": "a.lab.example -p 2200"}),
        ({"hosts_DOT_yml": ALIASES}, {"a": "new@192.0.2.2 -p 2222"}),
        ({"hosts_DOT_yml": "all: {hosts: {a: {ansible_host: \"fe80::{{ 1 + 1 }}%eth0\"}}}"},
         {"a": "fe80::2%eth0"}),
        ({"hosts_DOT_toml": "[boards.hosts]\na = {ansible_host = \"{{ 'b' ~ '.example' }}\"}\n"},
         {"a": "b.example"}),
        ({"hosts_DOT_yml": "all: {hosts: {a: {ansible_host: \"{{ inventory_dir | basename }}\"}}}"},
         {"a": "forms"}),
    ],
    ids=["template", "range", "children", "lookup", "hostvars", "constructed", "aliases", "ipv6",
         "toml", "magic"],
)  # fmt: skip
def test_an_address_is_what_ansible_renders(
    tmp_path: Path, files: dict[str, str], expected: dict[str, str]
) -> None:
    assert addresses(write(tmp_path / "forms", **files)) == expected


def test_a_program_answers_as_an_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.py"
    path.write_text(SCRIPT.format(python=sys.executable))
    path.chmod(0o755)
    assert addresses(path) == {"a": "jetson@2001:db8::1"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('ansible_host: "{{ nowhere }}"', "ansible_host can't be rendered: 'nowhere' is undefined"),
        ('ansible_host: "{{ a }}", a: "{{ b }}", b: "{{ c }}"', "'c' is undefined"),
        ('ansible_port: "{{ nowhere }}"', "ansible_port can't be rendered"),
        ('ansible_user: "{{ x | no_such_filter }}", x: 1', "ansible_user can't be rendered"),
        ("ansible_ssh_private_key_file: \"{{ lookup('file', '/no/such') }}\"", "can't be rendered"),
    ],
)
def test_what_can_not_be_rendered_is_named(tmp_path: Path, row: str, expected: str) -> None:
    path = write(tmp_path, hosts_DOT_yml=f"all: {{hosts: {{one: {{{row}}}}}}}\n") / "hosts.yml"
    with pytest.raises(BadInputError, match="one: ansible_") as caught:
        inventory.load(path)
    assert expected in "\n".join(caught.value.lines())
    with pytest.raises(InventoryError) as result:
        check.check(path)
    assert len(result.value.faults) == 1


def test_the_same_addresses_are_found_rendered(tmp_path: Path) -> None:
    text = TEMPLATED.replace("{number: 2}", "{number: 1, ansible_host: J1.lab.example}")
    with pytest.raises(InventoryError) as result:
        check.check(write(tmp_path, hosts_DOT_yml=text) / "hosts.yml")
    assert "j1, j2: have one address, j1.lab.example port 2201" in "\n".join(result.value.lines())


@pytest.mark.parametrize(
    "row", ["ansible_host: -oProxyCommand=x", "ansible_host: a b", "ansible_port: 70000",
            "ansible_port: ssh", "ansible_port: '²'"]
)  # fmt: skip
def test_what_is_no_address(tmp_path: Path, row: str) -> None:
    path = write(tmp_path, hosts_DOT_yml=f"all: {{hosts: {{one: {{{row}}}}}}}\n") / "hosts.yml"
    with pytest.raises(InventoryError) as result:
        check.check(path)
    assert len(result.value.faults) == 1


COMPOSED = "compose: {ansible_password: \"'x'\", "
PLAIN = {
    "ini host": {"hosts_DOT_ini": "a ansible_ssh_pass=x ansible_host=b\n"},
    "ini group": {"hosts_DOT_ini": "[b]\na\n[b:vars]\nansible_become_pass=x\n"},
    "no suffix": {"hosts": "a ansible_password=1234\n"},
    "sudo": {"hosts": "[all:vars]\nansible_sudo_pass=x\n[boards]\na\n"},
    "toml": {"hosts_DOT_toml": '[b.hosts]\na = {ansible_become_password = "x"}\n'},
    "json": {"hosts_DOT_json": '{"all": {"hosts": {"a": {"ansible_su_pass": "x"}}}}'},
    "group_vars": {"hosts_DOT_ini": "a\n", "group_vars__all__x_DOT_yml": "ansible_password: x\n"},
    "host_vars": {"hosts": "a\n", "host_vars__a": "ansible_ssh_pass: x\n"},
    "unused group": {"hosts": "a\n", "group_vars__none_DOT_yml": "ansible_ssh_pass: x\n"},
    "compose": {"a_DOT_yml": "all: {hosts: {a: }}",
                "b_DOT_yml": CONSTRUCTED.replace("compose: {", COMPOSED)},
    "registry": {"hosts": "a image_registry_password=x\n"},
}  # fmt: skip


@pytest.mark.parametrize("form", PLAIN)
def test_passwords_in_plain_text_are_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(InventoryError) as result:
        check.check(write(tmp_path, **PLAIN[form]))
    assert all("is in plain text" in fault.what for fault in result.value.faults)
    # The readers of TOML and JSON keep no lines.
    where = {"toml": "a", "json": "hosts.json"}.get(form, " line ")
    assert all(where in fault.where for fault in result.value.faults), result.value.faults
    assert len({fault.where for fault in result.value.faults}) == 1


def test_encrypted_passwords_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(program_environment.VAULT_SECRET, "key-of-the-vault")
    write(
        tmp_path,
        hosts_DOT_ini="a ansible_ssh_pass={{secret}}\nb\n",
        group_vars__all__vault_DOT_yml="secret: hunter2\n",
        host_vars__b_DOT_yml="ansible_password: x\n",
    )
    vault = Path(sys.executable).with_name("ansible-vault")
    files = [tmp_path / "group_vars/all/vault.yml", tmp_path / "host_vars/b.yml"]
    subprocess.run([vault, "encrypt", *files], env=program_environment.environment(), check=True)
    assert [host.name for host in check.check(tmp_path)] == ["a", "b"]


BOTH = {
    "hosts_DOT_ini": """\
[nano]
j1 mediapipe_l4t=32.7.6 local=1
[orin]
j2 mediapipe_l4t=36.4.4
[boards:children]
nano
orin
[boards:vars]
ansible_connection=local
ansible_python_interpreter=PYTHON
text={{ 'a' ~ local | default('b') }} {% raw %}{{.Names}}{% endraw %}
later={{ mine | default('early') }}
folder={{ inventory_dir | basename }}
number={{ 1 + 1 }}
secret_too={{ secret }}
""",
    "group_vars__boards_DOT_yml": """\
rows: ["{{ groups.nano | length }}", {deep: "{{ 3 * 3 }}"}]
""",
}
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {mine: fact}
    - ansible.builtin.set_stats:
        per_host: true
        data:
          all: "{{ [text, later, folder, number, rows, group_names, groups.boards, secret_too] }}"
"""


def answers(folder: Path, core: str) -> Any:
    """Return what a play on each host has, by an ansible-core."""
    job = ansible.Job(str(folder / "play.yml"), folder / "site")
    result, _ = ansible._run(job, environments.get(core), ["j1", "j2"], None, ())
    assert all(host.good for host in result.values()), result
    return {name: host.report["all"] for name, host in result.items()}


@pytest.mark.network
def test_one_inventory_means_the_same_to_both_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with an .ini file, which the older one passes over by itself."""
    monkeypatch.setenv(program_environment.VAULT_SECRET, "key-of-the-vault")
    site = write(tmp_path / "site", **BOTH)
    hosts = site / "hosts.ini"
    hosts.write_text(hosts.read_text().replace("PYTHON", environments.old_python()))
    vault = Path(sys.executable).with_name("ansible-vault")
    line = subprocess.run(
        [vault, "encrypt_string", "hunter2", "--name", "secret"],
        env=program_environment.environment(), capture_output=True, check=True,
    ).stdout  # fmt: skip
    (site / "group_vars" / "all.yml").write_bytes(line)
    (tmp_path / "play.yml").write_text(PLAY)
    newest = answers(tmp_path, environments.LOCKED)
    assert newest["j1"] == [
        "a1 {{.Names}}", "fact", "site", 2, [1, {"deep": 9}], ["boards", "nano"], ["j1", "j2"],
        "hunter2",
    ]  # fmt: skip
    assert json.dumps(answers(tmp_path, environments.OLD)) == json.dumps(newest)
    assert "hunter2" not in str(inventory.read(site).hosts[0].variables["secret"])


def test_a_written_inventory_reads_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, hosts_DOT_yml=TEMPLATED) / "hosts.yml"
    inventory.read(path).write(tmp_path / "again.json")
    assert addresses(tmp_path / "again.json") == addresses(path)
    assert (tmp_path / "again.json").stat().st_mode & 0o777 == 0o600


def test_a_host_without_variables() -> None:
    assert Host("a", {}).address == "a"
