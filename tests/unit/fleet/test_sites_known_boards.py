"""Boards of inventories that are the same are not read again; of any other they are, each time."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import inventory
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.sites import known_boards
from tests.unit.fleet import inventory_reads
from tests.unit.fleet.inventory_reads import PUBLIC, TEXT, Reads

reads = inventory_reads.reads
PROGRAM = '#!/bin/sh\necho \'{"all": {"hosts": ["b1"]}}\'\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "boards"
    folder.mkdir()
    path = folder / "berlin.yml"
    path.write_text(TEXT)
    return path


def test_an_inventory_is_read_once_until_it_changes(reads: Reads, place: Path) -> None:
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [place]
    place.write_text(TEXT.replace("b2", "b3"))
    assert reads.boards(place) == reads.boards(place) == ["b1", "b3"]
    assert reads == [place, place]


def test_addresses_are_kept(reads: Reads, place: Path) -> None:
    place.write_text(PUBLIC)
    both = [known_boards.read_each([place])[place] for _ in range(2)]
    (board,) = both[1]  # type: ignore[misc] # no error
    assert board.known_by == ("the board b1", "the address 8.8.8.8, port 2222")
    assert both[0] == both[1]
    assert reads == [place]


def _below(path: str, text: str) -> object:
    def change(place: Path) -> None:
        file = place.parent / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _below("group_vars/all.yml", "ansible_host: 8.8.8.8\n"),
        _below("host_vars/b1/more.yml", "ansible_host: 8.8.8.8\n"),
        lambda place: place.chmod(0o600),
        lambda place: place.write_text(TEXT + "\n"),
    ],
)
def test_what_comes_beside_it_is_seen(reads: Reads, place: Path, change: object) -> None:
    reads.boards(place)
    change(place)  # type: ignore[operator]
    reads.boards(place)
    assert reads == [place, place]


def test_a_folder_and_each_file_in_it_count(reads: Reads, place: Path) -> None:
    folder = place.parent
    assert reads.boards(folder) == reads.boards(folder) == ["b1", "b2"]
    (folder / "zoo.ini").write_text("b9\n")
    assert reads.boards(folder) == reads.boards(folder) == ["b9", "b1", "b2"]
    (folder / "zoo.ini").unlink()
    assert reads.boards(folder) == ["b1", "b2"]
    assert reads == [folder] * 3


@pytest.mark.parametrize(
    "row",
    [
        "ansible_host: \"{{ lookup('env', 'WHERE') }}\"",
        'ansible_host: "\\x7b\\x7b here }}", here: 8.8.8.8',
        "later: '{% if a %}{% endif %}'",
        "later: 'the plugin of another'",
    ],
)
def test_what_may_change_by_itself_is_read_each_time(reads: Reads, place: Path, row: str) -> None:
    place.write_text(f"all:\n  hosts:\n    b1: {{{row}}}\n")
    assert reads.boards(place) == reads.boards(place) == ["b1"]
    assert reads == [place, place]


ONE = """{ lookup("env","WHERE") }"""


@pytest.mark.parametrize(
    "text",
    [
        """b1 ansible_host="{""{ lookup('env', 'WHERE') }""}"\n""",
        *(
            f"b1\n[all:vars]\nansible_host={value}\n"
            for value in (
                f"""'{{' u'{ONE}' u'}}'""",
                f"""'{{' R'{ONE}' '}}'""",
                f"""('{{'  U'{ONE}' '}}')""",
                """'{' '% if 1 %}8.8.8.8{' '% endif %}'""",
                """'8.8.8.8{' u'# none #}'""",
                f"""'''{{''' u'''{ONE}''' '}}'""",
            )
        ),
    ],
)
def test_a_template_of_joined_texts_is_rendered_each_time(
    reads: Reads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("WHERE", "8.8.8.8")
    path = tmp_path / "berlin"
    path.write_text(text)
    boards = [known_boards.read_each([path])[path] for _ in range(2)]
    for (board,) in boards:  # type: ignore[misc] # no error
        assert board.known_by == ("the board b1", "the address 8.8.8.8, port 22")
    assert reads == [path, path]


def test_a_template_with_brackets_of_its_own_is_rendered_each_time(
    reads: Reads, place: Path
) -> None:
    header = "#jinja2: variable_start_string:'[[', variable_end_string:']]'"
    text = f"{header}\n        [[ ['8.8.8', 8] | join('.') ]]"
    place.write_text(f"all:\n  hosts:\n    b1:\n      ansible_host: |-\n        {text}\n")
    for (board,) in (known_boards.read_each([place])[place] for _ in range(2)):  # type: ignore[misc]
        assert board.known_by == ("the board b1", "the address 8.8.8.8, port 22")
    assert reads == [place, place]


@pytest.mark.parametrize(
    "text",
    [
        '{"all": {"hosts": {"b1": {"tags": {}, "rule": {"a": {"b": "{c}"}}}}}}',
        "all: {hosts: {b1: {tags: {a: 1, b: {c: 2}}, rule: '${HERE}/50%'}}}  # {here}\n",
        "all:\n  hosts:\n    b1:\n      tags: {\n        a: {}, b: {c: 1}}\n",
    ],
)
def test_data_in_braces_is_kept(reads: Reads, tmp_path: Path, text: str) -> None:
    path = tmp_path / "berlin.yml"
    path.write_text(text)
    assert reads.boards(path) == reads.boards(path) == ["b1"]
    assert reads == [path]


def test_a_program_is_run_each_time(reads: Reads, tmp_path: Path) -> None:
    path = tmp_path / "berlin"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    assert reads.boards(path) == reads.boards(path) == ["b1"]
    assert reads == [path, path]


def test_a_link_is_followed_each_time(reads: Reads, place: Path) -> None:
    link = place.with_name("link.yml")
    link.symlink_to(place)
    assert reads.boards(link) == reads.boards(link) == ["b1", "b2"]
    elsewhere = place.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (place.parent / "group_vars").mkdir()
    (place.parent / "group_vars" / "all").symlink_to(elsewhere)
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [link, link, place, place]


def test_what_users_set_for_ansible_is_asked_each_time(
    reads: Reads, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads.boards(place)
    monkeypatch.setenv("ANSIBLE_VARS_PLUGINS", str(tmp_path))
    assert reads.boards(place) == ["b1", "b2"]
    monkeypatch.delenv("ANSIBLE_VARS_PLUGINS")
    (tmp_path / "plugins").mkdir()
    assert reads.boards(place) == ["b1", "b2"]
    assert reads == [place] * 3


def _nobody(number: int) -> pwd.struct_passwd:
    raise KeyError(number)


def test_users_need_no_home(reads: Reads, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_boards, "PLUGINS", ("~/.ansible/plugins",))
    monkeypatch.setattr(pwd, "getpwuid", _nobody)
    monkeypatch.delenv("HOME")
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [place]


def test_a_path_that_no_file_can_have_is_an_error(reads: Reads, tmp_path: Path) -> None:
    with pytest.raises(KitError):
        reads.boards(tmp_path / "\0.yml")


def test_a_folder_that_cannot_be_looked_into_may_hold_anything(
    reads: Reads, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.parent / "group_vars"
    folder.mkdir()
    scan = os.scandir

    def scandir(top: str | Path) -> object:
        if str(top) == str(folder):
            raise PermissionError(13, "Permission denied", str(top))
        return scan(top)

    monkeypatch.setattr(os, "scandir", scandir)
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [place, place]


def test_all_that_decides_a_reading_counts() -> None:
    names = {path.name for path in known_boards.READERS}
    driver = Path(inventory.__file__).parent
    assert names >= {path.name for path in driver.glob("inventory*.py")}
    assert names >= {path.name for path in driver.glob("inventory*.toml")}
    assert names >= {"program_environment.py", "known_boards.py", "ansible.cfg", "host.txt"}


@pytest.mark.parametrize("what", ["kit", "python"])
def test_another_kit_or_python_reads_anew(
    reads: Reads, place: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    reads.boards(place)
    if what == "kit":
        monkeypatch.setattr(known_boards, "__version__", "0.0.0")
    else:
        monkeypatch.setattr(sys, "version", "3.99")
    known_boards._readers.cache_clear()
    reads.boards(place)
    assert reads == [place, place]


def test_another_reader_reads_anew(
    reads: Reads, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "host.txt"
    lock.write_text("ansible-core==2.19\n")
    monkeypatch.setattr(known_boards, "READERS", (*known_boards.READERS, lock))
    known_boards._readers.cache_clear()
    reads.boards(place)
    lock.write_text("ansible-core==2.20\n")
    reads.boards(place)
    assert reads == [place]  # as long as this process is the one that it was
    known_boards._readers.cache_clear()
    reads.boards(place)
    assert reads == [place, place]


def test_an_error_is_not_kept(reads: Reads, place: Path, tmp_path: Path) -> None:
    place.write_text("all: [\n")
    for path in (place, place, tmp_path / "none.yml"):
        with pytest.raises(KitError):
            reads.boards(path)
    place.write_text(TEXT)
    assert reads.boards(place) == ["b1", "b2"]
    assert len(reads) == 4


def test_a_change_while_it_was_read_is_not_kept(
    reads: Reads, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = inventory.read_each

    def changed(paths: Sequence[Path]) -> dict[Path, inventory.Inventory | KitError]:
        result = noted(paths)
        place.write_text(TEXT.replace("b2", "b3"))
        return result

    with monkeypatch.context() as patch:
        patch.setattr(inventory, "read_each", changed)
        assert reads.boards(place) == ["b1", "b2"]
    assert reads.boards(place) == ["b1", "b3"]


def test_a_cache_that_takes_nothing_keeps_nothing(
    reads: Reads, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [place, place]
