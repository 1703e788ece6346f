"""Options: each kind of value, and that every option of every task is one of them."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from jetson_kit.command_line import kinds, options
from jetson_kit.command_line.arguments import KitTask, TypedArgument
from jetson_kit.command_line.options import Reader, RefusedError
from jetson_kit.core import text
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from tests.support.here import needs_parts

NAMES = sorted(tasks.ns.task_names)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_with_a_value_has_a_reader(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A task that takes all words counts those that were typed.
    monkeypatch.setattr(sys, "argv", ["inv", name])
    task = tasks.ns[name]
    assert isinstance(task, KitTask)
    for argument in task.get_arguments():
        assert argument.kind is bool or isinstance(argument, TypedArgument), argument.names
    with_value = [item for item in task.get_arguments() if item.kind is not bool]
    assert len(with_value) == len(task.readers)


def test_a_task_without_a_reader_is_a_mistake() -> None:
    task = KitTask(body=lambda c, count=1: None)
    with pytest.raises(TypeError, match="a reader for each option with a value: count"):
        task.with_readers({}, "")


@pytest.mark.parametrize(
    ("reader", "good", "value", "bad"),
    [
        (options.Integer(1, 64), "12", 12,
         ["", "0", "65", "1.0", "abc", "1_0", "٣", "1e1", "9" * 30, "nan", " 1 "]),
        (options.Integer(-5, 5), "-5", -5, ["-6", "--5"]),
        (options.Number(0, 10), "2.5", 2.5, ["", "nan", "inf", "-0.1", "1_0", "٣", "x", "1e9"]),
        (options.Choice("a", "b"), "b", "b", ["", "c", "A", "a "]),
        (options.Text(5), "héllo", "héllo",
         ["", " ", "sixsix", "a\nb", "\x1bb", "\udcff", "\u202e"]),
        (options.Commas(options.Integer(1, 9), 3), "1, 2,3", (1, 2, 3),
         ["", ",", "1,x", "1,2,3,4"]),
        (kinds.IMAGE, "host:5000/a/b:t@sha256:" + "0" * 64, "host:5000/a/b:t@sha256:" + "0" * 64,
         ["../../etc", "/etc", "a b", "--privileged", "A", "a:b:c", "a@sha256:0", "", "a//b"]),
        (kinds.IMAGE, "sha256:" + "a" * 64, "sha256:" + "a" * 64, ["a:" + "b" * 200]),
        (kinds.PYTHON, "3.11", "3.11", ["3", "three", "3.11.1", "2.7"]),
    ],
)  # fmt: skip
def test_words(reader: Reader, good: str, value: object, bad: list[str]) -> None:
    assert reader(good) == value
    for word in bad:
        with pytest.raises(RefusedError):
            reader(word)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("x" * 10)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nothing").symlink_to("gone")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    return tmp_path


SPECIAL = [
    "/dev/zero", "/dev/null", "{}/fifo", "{}/socket", "{}/loop", "{}/file/below",
    "/proc/self/mem/x", "{}/" + "n" * 300, "x" * 100_000, "", " ",
]  # fmt: skip


def refused(reader: Reader, place: Path, values: list[str]) -> None:
    before = sorted(place.rglob("*"))
    for word in values:
        with pytest.raises(RefusedError):
            reader(word.replace("{}", str(place)))
    assert sorted(place.rglob("*")) == before


def test_input_files(place: Path) -> None:
    reader = options.InputFile(10)
    assert reader(f"{place}/file") == place / "file"
    refused(reader, place, [*SPECIAL, "{}", "{}/none", "{}/nothing"])
    refused(options.InputFile(9), place, ["{}/file"])


def test_folders(place: Path) -> None:
    assert options.Folder()(f"{place}/folder") == place / "folder"
    refused(options.Folder(), place, [*SPECIAL, "{}/file", "{}/none"])
    assert options.FileOrFolder(10)(f"{place}/file") == place / "file"
    assert options.FileOrFolder(10)(f"{place}/folder") == place / "folder"
    refused(options.FileOrFolder(9), place, [*SPECIAL, "{}/file", "{}/none"])


def test_inventories(place: Path) -> None:
    (place / "folder" / ".git").mkdir()
    with contextlib.chdir(place / "folder" / ".git"), socket.socket(socket.AF_UNIX) as listener:
        listener.bind("fsmonitor--daemon.ipc")
    assert kinds.inventory(f"{place}/folder") == place / "folder"
    refused(kinds.inventory, place, ["/dev/zero", "{}/fifo", "{}/none"])
    with pytest.raises(RefusedError) as caught:
        kinds.inventory("camera-1,camera-2,")
    assert caught.value.hint == "write the hosts into a file"


@pytest.mark.parametrize("maker", [options.OutputFile, options.OutputFolder])
def test_outputs(place: Path, maker: Callable[[], Reader]) -> None:
    reader = maker()
    assert reader(f"{place}/new") == place / "new"
    odd = f"{place}/" + os.fsdecode(b"a\nb\xff")
    assert reader(odd) == Path(odd)
    nowhere = ["{}/none/new", "/proc/1/new", "/sys/new", "/proc/new"]
    refused(reader, place, [*SPECIAL, *nowhere, "{}/nothing"])
    assert not (place / "new").exists()


def test_an_output_takes_the_place_of_its_own_kind(place: Path) -> None:
    assert options.OutputFile()(f"{place}/file") == place / "file"
    assert options.OutputFolder()(f"{place}/folder") == place / "folder"
    refused(options.OutputFile(), place, ["{}/folder", "{}/new/"])
    refused(options.OutputFolder(), place, ["{}/file"])


@pytest.mark.skipif(not os.geteuid(), reason="not here: root may write everywhere")
def test_what_this_user_may_not_write(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    refused(options.OutputFile(), tmp_path, ["{}/new"])
    tmp_path.chmod(stat.S_IRWXU)


def test_lines_are_short_and_printable() -> None:
    bad = os.fsdecode(b"\xff")
    error = BadInputError(f"no {'x' * 100_000} here\nor \x1b[2J{bad}", "y" * 9000)
    line = error.line()
    assert len(line) < 1000
    assert line.isprintable()
    assert "(100000 characters)" in line
    assert "\\x1b[2J\\xff" in line
    assert text.line("a  b\tc\n") == "a b c"
    many = text.line("word " * 10_000)
    assert len(many) <= text.LINE_MOST


@pytest.mark.parametrize("arguments", [["--help", "verify"], ["verify", "--help"]])
def test_help_says_what_each_option_means(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tasks.py", *arguments],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    flags = re.findall(r"^  (-\S+(?: STRING)?)(?:, \S+)* *(.*)$", done.stdout, re.MULTILINE)
    assert len(flags) > 10
    assert not [flag for flag, meaning in flags if not meaning]


@pytest.mark.parametrize("name", NAMES)
def test_an_option_has_its_meaning_however_often_it_is_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["inv", name])
    for _ in range(2):
        assert not [item.name for item in tasks.ns[name].get_arguments() if not item.help]


TYPED = [
    ("fleet.roll", {"fleet.rollback", "fleet.rollout"}),
    ("build --js", {"--json"}),
    ("emulate --cp", {"--cpu"}),  # which has no image yet
    ("build --jetson --l4", {"--l4t"}),
    ("bench.machines ''", set()),
    ("build --app REA", set()),
    ("--vers", {"--version"}),
]
ASKED = {
    "bash": """COMP_WORDS=(./inv {typed}); _complete_inv ./inv "${{COMP_WORDS[-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}\"""",
    "zsh": "_offered_by_inv ./inv {typed}; print -l -- $reply",
}


@pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=needs_parts("zsh"))])
@pytest.mark.parametrize(("typed", "offered"), TYPED)
def test_a_shell_completes_tasks_and_options(shell: str, typed: str, offered: set[str]) -> None:
    script = f"source <(./inv --print-completion-script {shell})\n"
    done = subprocess.run(
        [shell, "-c", script + ASKED[shell].format(typed=typed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {*done.stdout.split()} == offered


@needs_parts("fish")
@pytest.mark.parametrize(("typed", "offered"), TYPED)
def test_fish_completes_tasks_and_options(typed: str, offered: set[str]) -> None:
    line = f"./inv {typed}".replace("''", "")
    script = f'source (./inv --print-completion-script fish | psub); complete -C "{line}"'
    done = subprocess.run(
        ["fish", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {path.name for path in ROOT.iterdir()} | {f"{path.name}/" for path in ROOT.iterdir()}
    assert {*done.stdout.split()} - files == offered


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--print-completion-script"], 2), (["--complete", "--", './inv "x'], 0)],
)
def test_completion_of_what_is_not_whole(arguments: list[str], code: int) -> None:
    done = subprocess.run([ROOT / "inv", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, "fault of the kit" in done.stderr) == (code, False), done.stderr
