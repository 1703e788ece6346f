"""A lock that someone else has written: an installer gets versions with hashes, and no option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.app import lock_lines
from jetson_kit.app.source import model, requires
from jetson_kit.app.source.model import Target
from jetson_kit.core.errors import BadInputError

HASH = "--hash=sha256:" + "a" * 64
TARGET = Target("bookworm", "arm64", "3.11", "manylinux_2_36", None)
BAD = (
    "numpy",
    "numpy==2.2.6",
    f"numpy>=2 {HASH}",
    f"numpy==2.2.6 {HASH[:-1]}",
    f"--index-url https://host.invalid/simple numpy==1 {HASH}",
    "--extra-index-url https://host.invalid/simple",
    f"numpy==1 --find-links /tmp {HASH}",
    f"numpy==1 {HASH} --trusted-host host.invalid",
    f"numpy==1 {HASH}\n--index-url https://host.invalid/simple",
    "-e .",
    "-r /etc/passwd",
    "../numpy",
    f"numpy @ file:///etc/passwd {HASH}",
    f"numpy @ git+https://host.invalid/x {HASH}",
    f"numpy==1 ; {HASH} # \x1b[2J",
)
GOOD = (
    f"numpy==2.2.6 {HASH}",
    f"Foo.bar_baz==1!2.0.post1+local.1 {HASH} {HASH}",
    f"pkg[extra,more]==1.0 {HASH}",
    f"pkg==1.0 ; python_full_version < '3.12' and sys_platform == 'linux' {HASH}",
    f"pkg @ https://host.invalid/pkg-1-py3-none-any.whl {HASH}",
)


@pytest.mark.parametrize("line", BAD)
def test_what_a_build_needs_is_checked_before_it_is_unpacked(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadInputError, match="is no line of a lock") as caught:
        requires.unpacked((f"six==1.16.0 {HASH}", line), TARGET, (), tmp_path / "deps")
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("line", GOOD)
def test_lines_of_uv_are_taken(line: str) -> None:
    lock_lines.check((line,), "x")


def test_locks_of_uv_are_joined() -> None:
    text = f"# inputs sha256:x\n\nsix==1.16.0 \\\n    {HASH} \\\r\n    {HASH}\n# via x\n"
    assert lock_lines.joined(text) == [f"six==1.16.0 {HASH} {HASH}"]


ROW = {
    "name": "a", "version": "1", "kind": "index", "filename": "a-1.tar.gz", "sha256": "a" * 64,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"filename": "../../a-1.tar.gz"},
        {"filename": "/etc/passwd"},
        {"sha256": "a"},
        {"sha256": "../" + "a" * 61},
        {"name": "-r x"},
        {"name": "a\n--index-url x"},
        {"version": "1 --index-url=x"},
        {"kind": "folder", "origin": "../../x"},
        {"kind": "folder", "origin": "/etc"},
        {"kind": "git", "commit": "--upload-pack=x"},
        {"kind": "url", "origin": "ext::sh -c x"},
        {"origin": 7},
        {"requires": ["--index-url https://host.invalid/simple"]},
    ],
)
def test_a_row_that_no_build_wrote_is_refused(change: dict[str, object]) -> None:
    assert len(model.from_rows(f"{model.ROW}{json.dumps(ROW)}\n")) == 1
    with pytest.raises(BadInputError) as caught:
        model.from_rows(f"{model.ROW}{json.dumps({**ROW, **change})}\n")
    assert caught.value.cure == "remove the lock: it is made again"
    assert "\n" not in caught.value.line()
