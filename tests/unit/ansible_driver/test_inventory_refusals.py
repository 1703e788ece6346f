"""Inventories that Ansible reads wrong or not at all: the file and the cause are named."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import inventory, inventory_text
from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.fleet import check

pytestmark = pytest.mark.slow

ONE = "all:\n  hosts:\n    one: {ansible_host: 192.0.2.1}\n"
LEVELS = "".join(
    f"{name}: &{name} [{','.join(['*' + before if before else 'x'] * 9)}]\n"
    for before, name in zip(["", *"abcdefg"], "abcdefgh", strict=True)
)
BOMB = f"{LEVELS}{ONE}  vars: {{x: *h}}\n"
# The file, what is in it, and what must be said of it.
WRONG: dict[str, tuple[str, str | bytes, str]] = {
    "circle of groups": ("hosts", "[a:children]\nb\n[b:children]\na\n[b]\none\n",
                         "Adding group 'a' as child to 'b' creates a recursive dependency loop"),
    "circle in YAML": ("hosts.yml", "a: {children: {b: {children: {a: {}}}}}\n",
                       "Adding group 'b' as child to 'a' creates a recursive dependency loop"),
    "list of hosts": ("hosts.yml", "all: {hosts: [one, two]}\n", "a dictionary, found list"),
    "host that is a number": ("hosts.yml", "all: {hosts: {1: {}}}\n", "pattern 1 must be a string"),
    "play": ("hosts.yml", "- hosts: all\n", "it should be a dictionary, got: list"),
    "two documents": ("hosts.yml", f"{ONE}---\n{ONE}", "Expected a single document"),
    "IPv6 in brackets": ("hosts", "[2001:db8::1]\n", "Invalid section entry: '[2001:db8::1]'"),
    "TOML": ("hosts.toml", "[a\n", "Expected ']' at the end of a table declaration"),
    "no such plugin": ("hosts.yml", "plugin: no.such\n", "unknown plugin 'no.such'"),
    "deep": ("hosts.yml", "[" * 3000, "hosts.yml is no inventory: it is nested too deeply"),
    "vault without a password": (
        "group_vars/all.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        "no vault secrets found.; give the vault's password: KIT_VAULT_PASSWORD"),
    "Latin-1": ("hosts.yml", ONE.encode() + b"# caf\xe9\n", "hosts.yml: byte 55 is not UTF-8"),
    "Latin-1 of variables": ("host_vars/one.yml", b"x: caf\xe9\n", "one.yml: byte 7 is not"),
    "mark in INI": ("hosts", codecs.BOM_UTF8 + b"one\n", "hosts begins with a byte order mark"),
    "mark in TOML": ("x.toml", codecs.BOM_UTF8 + b"[a]\n", "x.toml begins with a byte order mark"),
    "bomb": ("hosts.yml", BOMB, "hosts.yml: its aliases stand for more than 5000000 values"),
    "bomb of variables": ("group_vars/all/x.yml", f"{LEVELS}y: *h\n", "its aliases stand for more"),
    "bomb in a folder": ("site/x.yml", BOMB, "x.yml: its aliases stand for more"),
    "alias that holds itself": ("x.yml", "x: &x [1, *x]\n", "its aliases stand for more"),
    "section without its end": ("hosts", "one\n[g\ntwo\n", "line 2: a bracket has no end"),
    "range without its end": ("hosts", "[g]\nb[1:3 x=1\n", "line 2: a bracket has no end"),
    "YAML of a folder": ("site/b.yml", "x:\n  hosts:\n    a: {b: 1\n    c: {}\n",
                         "site is no inventory: b.yml: line 4: "),
    "YAML of a folder in a folder": ("site/c/b.yml", "x: [\n", "c/b.yml: line 2: "),
    "one of a folder": ("site/b.toml", "[x\n", "site is no inventory: b.toml: TOML file"),
}  # fmt: skip
GOOD: dict[str, tuple[str, str | bytes]] = {
    "mark in YAML": ("hosts.yml", codecs.BOM_UTF8 + ONE.encode()),
    "mark in YAML without a suffix": ("hosts", codecs.BOM_UTF8 + ONE.encode()),
    "mark in variables": ("group_vars/all.yml", codecs.BOM_UTF8 + b"x: 1\n"),
    "CRLF": ("hosts", "[a]\r\none ansible_host=192.0.2.1\r\n"),
    "aliases": ("hosts.yml", f"x: &x {{vars: {{y: 1}}}}\nz: {{<<: *x}}\n{ONE}"),
    "stars in INI": ("hosts", "one ansible_host=192.0.2.1 x='& *y'\n"),
    "picture beside the variables": ("group_vars/all/x.png", b"\xff\xd8\xff"),
}  # fmt: skip


def placed(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file; return the inventory that it is, or belongs to."""
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if "/" not in name:
        return path
    if name.startswith("site/"):
        (folder / "site" / "a.yml").write_text(ONE)
        return folder / "site"
    (folder / "hosts").write_text("one ansible_host=192.0.2.1\n")
    return folder / "hosts"


def test_the_cause_is_named_at_once(tmp_path: Path) -> None:
    paths = {
        name: placed(tmp_path / str(number), file, content)
        for number, (name, (file, content, _)) in enumerate(WRONG.items())
    }
    read = inventory.read_each(list(paths.values()))
    lines = {name: getattr(read[path], "line", lambda: "nothing")() for name, path in paths.items()}
    assert {name: line for name, line in lines.items() if WRONG[name][2] not in line} == {}
    assert all(line.count("\n") == 0 and str(tmp_path) in line for line in lines.values())


def test_what_ansible_reads_right_is_read(tmp_path: Path) -> None:
    paths = {
        name: placed(tmp_path / str(number), file, content)
        for number, (name, (file, content)) in enumerate(GOOD.items())
    }
    read = inventory.read_each(list(paths.values()))
    for name, path in paths.items():
        result = read[path]
        assert not isinstance(result, KitError), (name, result)
        assert [host.address for host in result.hosts] == ["192.0.2.1"], name


def test_a_large_fleet_with_shared_defaults_is_no_bomb(tmp_path: Path) -> None:
    shared = "".join(f"    v{number}: {number}\n" for number in range(25))
    hosts = "".join(f"    b{number}: {{<<: *d}}\n" for number in range(10_000))
    path = tmp_path / "hosts.yml"
    path.write_text(f"all:\n  vars: &d\n{shared}  hosts:\n{hosts}")
    inventory_text.check(path)


def test_many_values_without_aliases_are_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_text, "MOST", 500_000)
    rows = b"x: &x 1\ny: *x\n" + b"- [1]\n" * 10
    assert inventory_text._expanded(rows) == 1
    many = b"a: &a 1\nb: [" + b"1," * (inventory_text.MOST + 10) + b"1]\nc: *a\n"
    assert inventory_text._expanded(many) == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("ansible_host: [1]", "is no address"),
        ("ansible_host: true", "is no address"),
        ("ansible_host: '[2001:db8::1]'", "is no address"),
        ("ansible_host: 'board:22'", "is no address"),
        ("ansible_host: '10.0.0.[1:50]'", "is no address"),
        ("ansible_ssh_common_args: \"-o 'x\"", "ansible_ssh_common_args is no list of words"),
        ("ansible_ssh_extra_args: [-v]", "ansible_ssh_extra_args is no list of words: no text"),
        ("ansible_ssh_args: true", "ansible_ssh_args is no list of words: no text"),
        ("ansible_ssh_args: -o StrictHostKeyChecking=false", "host key is not checked"),
        ("ansible_ssh_extra_args: \"-o 'StrictHostKeyChecking = no'\"", "host key is not checked"),
        ("ansible_ssh_extra_args: '-o StrictHostKeyChecking=\"no\"'", "host key is not checked"),
        ("ansible_ssh_extra_args: -o UserKnownHostsFile=none", "host key is not checked"),
        ("ansible_ssh_args: -o UserKnownHostsFile=none -oGlobalKnownHostsFile=/dev/null", "not ch"),
        ("ansible_ssh_args: -o UserKnownHostsFile=none -o GlobalKnownHostsFile=none", "not che"),
        ("ansible_ssh_args: '-o \"UserKnownHostsFile none\"'", "host key is not checked"),
        ("ansible_sftp_extra_args: -oStrictHostKeyChecking=no", "host key is not checked"),
        ("ansible_ssh_args: '-o ProxyCommand=\"sshpass -p x ssh gate\"'", "holds a password"),
        ("ansible_ssh_args: '-o ProxyCommand=\"sshpass -v -px ssh gate\"'", "holds a password"),
        ("ansible_ssh_args: '-o ProxyCommand=\"SSHPASS=x sshpass -e ssh g\"'", "holds a password"),
        ("ansible_ssh_args: '-o ProxyCommand=\"sshpass -P ask -p x ssh g\"'", "holds a password"),
        ("ansible_ssh_args: '-o ProxyCommand=\"sshpass -vpx ssh gate\"'", "holds a password"),
        ("ansible_ssh_args: \"-o 'ProxyCommand=sshpass -P \\\"a b\\\" -p x ssh g'\"", "a password"),
        ("ansible_ssh_args: \"-o ProxyCommand='SSHPASS=$'x' sshpass -e ssh g'\"", "a password"),
        ("ansible_ssh_private_key: x", "ansible_ssh_private_key is in plain text"),
        ("ansible_become_pass: [hunter2]", "ansible_become_pass is in plain text"),
        ("ansible_become_pass: 0", "ansible_become_pass is in plain text"),
    ],
)  # fmt: skip
def test_each_fault_of_a_host_is_found(tmp_path: Path, row: str, expected: str) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(f"all: {{hosts: {{one: {{{row}}}}}}}\n")
    with pytest.raises(InventoryError) as caught:
        check.check(path)
    (fault,) = caught.value.lines()[:-1]
    assert expected in fault


@pytest.mark.parametrize(
    "row",
    [
        'ansible_host: "2001:db8::1"', 'ansible_host: "fe80::1%eth0"', "ansible_host: 10",
        "ansible_ssh_common_args: -o StrictHostKeyChecking=yes",
        "ansible_ssh_common_args: '-o UserKnownHostsFile=~/.ssh/nonesuch'",
        "ansible_ssh_common_args: -o UserKnownHostsFile=none.hosts",
        "ansible_ssh_common_args: -o UserKnownHostsFile=none-of-these",
        "ansible_ssh_common_args: -o UserKnownHostsFile=none -o GlobalKnownHostsFile=/etc/ssh/k",
        "ansible_ssh_common_args: -o GlobalKnownHostsFile=none.k -o UserKnownHostsFile=none",
        "ansible_ssh_common_args: -o UserKnownHostsFile=none -o 'KnownHostsCommand=/bin/keys %H'",
        "ansible_ssh_common_args: '-o ProxyCommand=\"sshpass -f file ssh gate\"'",
        "ansible_ssh_args: '-o ProxyCommand=\"SSHPASS=$X sshpass -e ssh gate\"'",
        "ansible_ssh_args: '-o ProxyCommand=\"SSHPASS=${X} sshpass -e ssh gate\"'",
        "ansible_ssh_args: '-o ProxyCommand=\"SSHPASS=$(cat f) sshpass -e ssh gate\"'",
        "ansible_ssh_args: '-o ProxyCommand=\"SSHPASS= sshpass -f file ssh gate\"'",
        "ansible_ssh_args: '-o ProxyCommand=\"sshpass -P ask -f file ssh gate\"'",
        "ansible_become_pass: ''", "ansible_become_pass: null",
        "ansible_become_pass: \"{{ lookup('env', 'X') }}\"",
    ],
)  # fmt: skip
def test_good_rows_have_no_fault(tmp_path: Path, row: str) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(f"all: {{hosts: {{one: {{{row}}}}}}}\n")
    assert check.check(path)


PASSED_ON = {
    "variable": "ansible_become_password: '{{ vault_sudo }}'\n",
    "table": "ansible_ssh_pass: '{{ vault_of[inventory_hostname] }}'\n",
    "variable of a variable": "ansible_ssh_pass: '{{ between }}'\nbetween: '{{ vault_sudo }}'\n",
    "default": "ansible_ssh_pass: \"{{ lookup('env', 'NOT_SET') | default(vault_sudo, true) }}\"\n",
}


@pytest.mark.parametrize("form", PASSED_ON)
def test_a_template_is_as_plain_as_what_it_passes_on(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    (tmp_path / "hosts").write_text("one ansible_host=192.0.2.1\n")
    (folder / "main.yml").write_text(PASSED_ON[form])
    (folder / "vault.yml").write_text("vault_sudo: hunter2\nvault_of: {one: hunter3}\n")
    with pytest.raises(InventoryError) as caught:
        check.check(tmp_path / "hosts")
    (fault,) = caught.value.faults
    assert fault.where.startswith("group_vars/all/vault.yml line ")
    assert "is in plain text" in fault.what


def test_a_file_that_a_template_reads_whole_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("hunter2")
    path = tmp_path / "hosts.yml"
    secret = f"{{{{ lookup('unvault', '{tmp_path}/plain') }}}}"
    path.write_text(f'all: {{hosts: {{one: {{ansible_become_pass: "{secret}"}}}}}}\n')
    with pytest.raises(InventoryError) as caught:
        check.check(path)
    (fault,) = caught.value.faults
    assert fault.where == "plain"


def test_what_a_program_answers_is_no_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "hosts.sh"
    path.write_text(
        "#!/bin/sh\necho '"
        '{"a": {"hosts": ["one"], "vars": {"ansible_password": "x"}}, '
        '"_meta": {"hostvars": {"one": {"ansible_become_pass": "y"}}}}'
        "'\n"
    )
    path.chmod(0o755)
    assert check.check(path)


def test_ssh_s_own_arguments_come_first(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("one ansible_ssh_common_args='-4' ansible_ssh_args='-J gate'\n")
    assert inventory.load(path)[0].ssh_options() == ("-J", "gate", "-4")


def test_arguments_that_are_none_are_told(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text('all: {hosts: {one: {ansible_ssh_args: "-o \'"}}}\n')
    with pytest.raises(BadInputError, match="ansible_ssh_args is no list of words"):
        inventory.load(path)[0].ssh_options()
