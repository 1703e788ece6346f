"""Inventory checks: each fault is found, all of them at once, and a good inventory has none."""

from pathlib import Path

import pytest

from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.command_line import ending
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet import check

pytestmark = pytest.mark.slow

GOOD = """\
all:
  hosts:
    one: {ansible_host: 192.0.2.1, mediapipe_l4t: "36.4.4", mediapipe_module: orin-nano-8gb}
    two: {ansible_host: 192.0.2.1, ansible_port: 2222, mediapipe_l4t: r36.4.4}
"""


ANY = check.Needs()


def inventory(folder: Path, text: str) -> Path:
    path = folder / "hosts.yml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str, release: check.Needs = ANY) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        check.check(inventory(folder, text), release=release)
    assert caught.value.exit_code == 2
    return list(caught.value.lines())[:-1]


def test_a_good_inventory_has_no_fault(tmp_path: Path) -> None:
    hosts = check.check(inventory(tmp_path, GOOD), release=check.Needs("r36.4.4", "arm64"))
    assert [host.name for host in hosts] == ["one", "two"]


def test_the_example_has_no_fault() -> None:
    assert check.check(ROOT / "ansible" / "inventories" / "example")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("mediapipe_module: orin-nano-9gb", "mediapipe_module orin-nano-9gb is unknown"),
        ('mediapipe_l4t: "36.9.9"', 'unknown target "36.9.9"'),
        ('mediapipe_l4t: "38.2.0", mediapipe_module: orin-nx-8gb', "does not run r38.2.0"),
        ("ansible_ssh_private_key_file: /nowhere/key", "its key /nowhere/key is not there"),
        ("mediapipe_expect: fast", "mediapipe_expect is 'fast'"),
        ("ansible_connection: local", "has the connection 'local'"),
        ("ansible_ssh_common_args: -o StrictHostKeyChecking=no", "host key is not checked"),
        ("ansible_ssh_extra_args: -o UserKnownHostsFile=/dev/null", "host key is not checked"),
        ("ansible_host_key_checking: false", "host key is not checked"),
        ("ansible_become_password: hunter2", "ansible_become_password is in plain text"),
        ("ansible_user: a, ansible_user: b", "ansible_user stands there a second time"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, row: str, expected: str) -> None:
    result = faults(tmp_path, f"all: {{hosts: {{one: {{{row}}}}}}}\n")
    assert len(result) == 1, result
    assert expected in result[0]
    assert "; " in result[0]
    assert "hunter2" not in result[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"), ("fe80::1%eth0", "FE80:0::1%eth0"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("board.example", "Board.Example."),
        ("::1", "0:0:0:0:0:0:0:1"),
    ],
)  # fmt: skip
def test_one_address_in_two_spellings_is_found(tmp_path: Path, first: str, second: str) -> None:
    rows = f'one: {{ansible_host: "{first}"}}, two: {{ansible_host: "{second}"}}'
    assert "one, two: have one address" in faults(tmp_path, f"all: {{hosts: {{{rows}}}}}\n")[0]


@pytest.mark.parametrize("second", ["2001:db8::2", "fe80::1%eth1", "board.example2", "192.0.2.11"])
def test_two_addresses_are_two(tmp_path: Path, second: str) -> None:
    row = "fe80::1%eth0" if "%" in second else "2001:db8::1"
    rows = f'one: {{ansible_host: "{row}"}}, two: {{ansible_host: "{second}"}}'
    path = tmp_path / "hosts.yml"
    path.write_text(f"all: {{hosts: {{{rows}}}}}\n")
    assert len(check.check(path)) == 2


def test_a_host_given_twice_is_found(tmp_path: Path) -> None:
    text = "all:\n  hosts:\n    one: {ansible_host: a}\n    one: {ansible_host: b}\n"
    assert "one stands there a second time (first in line 3)" in faults(tmp_path, text)[0]


def test_secrets_from_elsewhere_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(
        "ansible_become_password: \"{{ lookup('env', 'X') }}\"\n"
    )
    assert check.check(inventory(tmp_path, GOOD))


def test_faults_of_several_hosts_together(tmp_path: Path) -> None:
    text = """\
all:
  hosts:
    one: {ansible_host: 192.0.2.1, mediapipe_image: "sha256:1", mediapipe_l4t: "36.4.4"}
    two: {ansible_host: 192.0.2.1, mediapipe_image: "sha256:1", mediapipe_l4t: "36.4.3"}
"""
    result = faults(tmp_path, text)
    assert len(result) == 2
    assert "one, two: have one address, 192.0.2.1 port 22" in result[0]
    assert "r36.4.4 (one), r36.4.3 (two)" in result[1]


def test_an_image_for_another_release_is_found(tmp_path: Path) -> None:
    result = faults(
        tmp_path,
        "all: {hosts: {a: {mediapipe_l4t: r36.4.3}, b: }}\n",
        release=check.Needs("r36.4.4"),
    )
    assert "a: runs r36.4.3, the image is for r36.4.4" in result[0]
    assert "b: mediapipe_l4t is missing" in result[1]


def test_an_image_for_another_architecture_is_found(tmp_path: Path) -> None:
    """Its cure is the build to make; a host that names none is asked by the rollout itself."""
    text = """\
all:
  hosts:
    pc: {mediapipe_architecture: amd64, mediapipe_l4t: r36.4.4}
    jetson: {mediapipe_architecture: arm64, mediapipe_l4t: r36.4.3}
    typo: {mediapipe_architecture: x86}
    silent: {mediapipe_l4t: r36.4.4}
"""
    result = faults(tmp_path, text, release=check.Needs("36.4.4", "arm64"))
    assert len(result) == 3
    assert "pc: is amd64, the image is for arm64; build one for it" in result[0]
    assert "./inv build --variant emulated; then release and roll out" in result[0]
    assert "jetson: runs r36.4.3, the image is for r36.4.4" in result[1]
    assert "typo: mediapipe_architecture is x86; write arm64 or amd64" in result[2]
    result = faults(tmp_path, text, release=check.Needs("", "amd64"))
    assert len(result) == 2
    assert "jetson: is arm64, the image is for amd64" in result[0]
    assert "./inv build --jetson --l4t 36.4.3" in result[0]
    assert "typo" in faults(tmp_path, text)[0]


def test_all_are_told_at_once(tmp_path: Path) -> None:
    text = """\
all:
  hosts:
    a: {mediapipe_module: x, mediapipe_l4t: "1.2"}
    b: {mediapipe_expect: y, ansible_ssh_private_key_file: /nowhere}
    c: {ansible_become_password: z}
"""
    with pytest.raises(BadInputError) as caught:
        check.check(inventory(tmp_path, text))
    lines = list(caught.value.lines())
    assert len(lines) == 6
    assert all(line.startswith("error: ") for line in lines)
    assert "has 5 faults; no host was touched" in lines[-1]


def test_many_faults_are_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"    board-{number}: {{ansible_connection: local}}\n" for number in range(90))
    with pytest.raises(InventoryError) as caught:
        check.check(inventory(tmp_path, f"all:\n  hosts:\n{rows}"))
    assert ending.end(caught.value) == 2
    lines = capsys.readouterr().err.splitlines()
    assert all(any(f"board-{number}:" in line for line in lines) for number in range(90))
    assert lines[-1].endswith("no host was touched")
