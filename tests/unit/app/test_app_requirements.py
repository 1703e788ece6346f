"""Requirements files: what names a source itself is set apart, and written anew with a version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jetson_kit.app import inputs, requirements_file, settings
from jetson_kit.app.requirements_file import Requirements
from jetson_kit.core.errors import BadInputError, NetworkError
from tests.support import sources

HASH = "a" * 64


def read(folder: Path, text: str, more: dict[str, str] | None = None) -> Requirements:
    sources.write(folder, {"requirements.txt": text, **(more or {})})
    return requirements_file.read(folder / "requirements.txt", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sources.write(tmp_path, {"setup.py": ""})
    sources.write(tmp_path / "lib", {"pyproject.toml": ""})
    sources.archive(tmp_path, sources.own(sources.PURE))
    return tmp_path


@pytest.mark.parametrize(
    ("line", "kind", "place", "pin"),
    [
        ("./lib", "folder", "lib", "x==1"),
        ("-e .", "folder", ".", "x==1"),
        ("-e ./lib  # ours", "folder", "lib", "x==1"),
        ("--editable=lib/../lib", "", "", ""),
        ("./native-1.0.tar.gz", "folder", "native-1.0.tar.gz", "x==1"),
        (".[fast]", "folder", ".", "x[fast]==1"),
        ("y[a,b] @ file:lib", "folder", "lib", "x[a,b]==1"),
        ("y @ ./lib ; python_version < '4'", "folder", "lib", "x==1 ; python_version < '4'"),
        ("git+https://host.invalid/y@v1", "git", "git+https://host.invalid/y@v1", "x==1"),
        ("y @ git+ssh://git@host.invalid/y", "git", "git+ssh://git@host.invalid/y", "x==1"),
        ("https://host.invalid/y.tar.gz", "url", "https://host.invalid/y.tar.gz", "x==1"),
        (
            f"y @ https://host.invalid/y.zip --hash=sha256:{HASH}", "url",
            f"https://host.invalid/y.zip#sha256={HASH}", "x==1",
        ),
        ("https://host.invalid/y-1-py3-none-any.whl", "", "", ""),
        ("numpy>=1.26", "", "", ""),
        ("-i https://me:geheim@host.invalid/simple", "", "", ""),
    ],
)  # fmt: skip
def test_what_names_a_source(folder: Path, line: str, kind: str, place: str, pin: str) -> None:
    result = read(folder, f"{line}\n")
    directs = [(item.kind, item.place, item.pinned("x", "1")) for item in result.directs]
    assert directs == ([(kind, place, pin)] if kind else [])


def test_sources_become_versions_in_all_files(folder: Path) -> None:
    text = "-r more.txt\n--find-links links\nplain\n"
    result = read(folder, text, {"more.txt": "other<2\n./lib\n"})
    (direct,) = result.directs
    path = result.rewritten(folder / "aside", {direct: direct.pinned("lib", "1.0")})
    assert path.read_text() == "-r more.txt\n\nplain\n"
    assert path.with_name("more.txt").read_text() == "other<2\nlib==1.0\n"
    assert result.options == (f"--find-links {folder / 'links'}",)
    assert result.of("other") == ["other<2"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("./gone", "line 1: "),
        ("-e ./gone", "is not there"),
        ("./empty", "has neither pyproject.toml nor setup.py"),
        ("/etc", "outside of"),
        ("file:///etc", "outside of"),
        ("../lib", "outside of"),
        ("./lib-1-py3-none-any.whl", "put its wheel into the folder wheels/"),
    ],
)
def test_what_is_no_source_is_one_line(folder: Path, line: str, expected: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(BadInputError) as caught:
        read(folder, f"{line}\n")
    assert expected in caught.value.line()


def test_a_link_out_of_the_folder_is_no_source(folder: Path) -> None:
    (folder / "out").symlink_to("/etc")
    with pytest.raises(BadInputError, match="outside of"):
        read(folder, "./out\n")


def test_requirements_that_are_a_link_out_of_the_folder_are_named_as_one(folder: Path) -> None:
    shared = folder.parent / "shared.txt"
    shared.write_text("numpy\n")
    (folder / "requirements.txt").symlink_to("../shared.txt")
    with pytest.raises(BadInputError, match=rf"requirements.txt is a link to {shared}, outside of"):
        requirements_file.read(folder / "requirements.txt", folder)
    (folder / "requirements.txt").unlink()
    (folder / "base.txt").symlink_to("../shared.txt")
    with pytest.raises(BadInputError, match=rf"/base.txt is a link to {shared}, outside of"):
        read(folder, "-r base.txt\n")
    with pytest.raises(BadInputError, match=rf"requirements.txt names {shared}, outside of"):
        read(folder, "-r ../shared.txt\n")
    with pytest.raises(BadInputError, match=rf"requirements.txt names {shared}, outside of"):
        read(folder, f"-r {shared}\n")


def test_requirements_in_a_folder_that_leads_out_are_no_link(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "base.txt").write_text("numpy\n")
    (folder / "reqs").symlink_to("../outside")
    with pytest.raises(BadInputError, match=r"/reqs/base.txt leads to .*, outside of"):
        requirements_file.read(folder / "reqs" / "base.txt", folder)
    with pytest.raises(BadInputError, match=r"/reqs/base.txt leads to .*, outside of"):
        read(folder, "-r reqs/base.txt\n")


@pytest.mark.parametrize(
    "line",
    [
        f"docopt==0.6.2 --hash=sha256:{HASH[:-2]}", "docopt --hash=md5:0000", "docopt --hash=foo",
        f"docopt --hash=SHA256:{HASH}", f"docopt --hash={HASH}", "docopt --hash",
        f"docopt==0.6.2 --hash=sha256:{HASH} --hash=sha256:00",
        "x @ https://example.org/x-1.tar.gz#sha256=00", "x @ https://example.org/x-1.tar.gz#md5=00",
        f"x @ https://example.org/x-1.tar.gz#SHA256={HASH}",
        "x @ https://example.org/x-1.tar.gz#sha256=",
    ],
)  # fmt: skip
def test_a_hash_that_is_none_is_refused_with_its_line(folder: Path, line: str) -> None:
    with pytest.raises(BadInputError, match=r"line 2: the hash .* is none"):
        read(folder, f"numpy\n{line}\n")


def test_hashes_on_lines_of_their_own_are_read(folder: Path) -> None:
    text = f"docopt==0.6.2 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n"
    assert read(folder, text).hashes("docopt") == {HASH, "b" * 64}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_as_windows_writes_them_are_read(folder: Path, encoding: str, end: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    text = end.join(("numpy>=1.26  # größer", "./lib", "")).encode(encoding)
    (folder / "requirements.txt").write_bytes(mark + text)
    result = requirements_file.read(folder / "requirements.txt", folder)
    assert (len(result.directs), result.of("numpy")) == (1, ["numpy>=1.26"])
    assert result.recoded == encoding.startswith("utf-16")
    path = result.rewritten(folder / "aside", {result.directs[0]: "lib==1"})
    assert path.read_text(encoding="utf-8") == "numpy>=1.26  # größer\nlib==1\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--foo bar", 'line 2: "--foo" is no option of a requirements file'),
        ("-q", 'line 2: "-q" is no option'),
        ("--upgrade numpy", 'line 2: "--upgrade" is no option'),
        ("numpy = 1.26", "line 2 is no requirement"),
        ("num py \\", "line 2 is no requirement"),
        ("numpy; python_version > 3", "line 2 is no requirement"),
        ("pip install numpy", "line 2 is no requirement"),
        ("-r https://host.invalid/r.txt", "line 2 names a file at an address"),
        ("-c gone.txt", "gone.txt is not there"),
        ("-r lib", "lib is no file"),
        ("numpy==1.*.2", "line 2 is no requirement"),
    ],
)
def test_a_line_that_no_installer_takes_is_named(folder: Path, line: str, expected: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read(folder, f"numpy\n{line}\n")
    assert expected in caught.value.line()


@pytest.mark.parametrize(
    "line",
    [
        "--pre", "--no-binary :all:", "--only-binary=:all:", "-ihttps://host.invalid/simple",
        "--trusted-host host.invalid", "--require-hashes", "numpy ; sys_platform == 'linux'",
        "numpy[all,extra]~=1.26.0", "numpy@https://host.invalid/numpy-1-py3-none-any.whl", "# x",
    ],
)  # fmt: skip
def test_lines_that_installers_take_are_taken(folder: Path, line: str) -> None:
    read(folder, f"numpy\n{line}\n")


def test_what_is_no_file_or_too_large_is_not_read(folder: Path) -> None:
    path = folder / "requirements.txt"
    os.mkfifo(path)
    with pytest.raises(BadInputError, match="it is no file"):
        requirements_file.read(path, folder)
    path.unlink()
    path.write_text("numpy\n" * 300_000)
    with pytest.raises(BadInputError, match="larger than 1 MiB"):
        requirements_file.read(path, folder)


@pytest.mark.parametrize("line", ["numpy=1.26.4=py310h5f9d8c6_0", "numpy=1.26.4"])
def test_conda_s_form_is_named(folder: Path, line: str) -> None:
    with pytest.raises(BadInputError, match=r"line 1 is conda's own form") as caught:
        read(folder, f"{line}\n")
    assert "name==version" in caught.value.cure


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("paho-mqtt \\\n  >=1.6,\\\n  <3\nflask\n", ["paho-mqtt   >=1.6,  <3", "", "", "flask"]),
        (f"a==1 \\\n  --hash=sha256:{HASH}\n", ["a==1 \\", f"  --hash=sha256:{HASH}"]),
        (f"a \\\n ==1 \\\n --hash=sha256:{HASH}\n", [f"a  ==1  --hash=sha256:{HASH}", "", ""]),
        ("a # x \\\nb\n", ["a # x \\", "b"]),
        ("# one \\\nb\n", ["# one \\", "b"]),
        ("a==${A_VERSION}\n", ["a==2.1"]),
        ("a # ${NOT_SET}\n", ["a # ${NOT_SET}"]),
        ("a==1  # ${a}\nb\n", ["a==1  # ${a}", "b"]),
    ],
)
def test_lines_that_pip_takes_otherwise_than_uv(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, lines: list[str]
) -> None:
    """The reference is pip's own reading of the file."""
    monkeypatch.setenv("A_VERSION", "2.1")
    result = read(folder, text)
    assert result.texts[result.path].splitlines() == lines
    assert result.recoded == (lines != text.splitlines())
    assert result.rewritten(folder / "new", {}).read_text().splitlines() == lines


@pytest.mark.parametrize(
    "line", ["my reqs/b.txt", "'my reqs/b.txt'", '"my reqs/b.txt"', "my\\ reqs/b.txt  # x"]
)
def test_a_file_with_a_blank_in_its_path(folder: Path, line: str) -> None:
    (folder / "my reqs").mkdir()
    result = read(folder, f"-r {line}\n", {"my reqs/b.txt": "numpy\n"})
    assert folder / "my reqs" / "b.txt" in result.texts


def test_variables_in_addresses_are_asked_for_and_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_TOKEN", "geheim")
    text = (
        "y @ git+https://${DOOR_TOKEN}@host.invalid/y\n-i https://me:${DOOR_TOKEN}@host.invalid/s\n"
    )
    result = read(folder, text)
    assert result.directs[0].place == "git+https://geheim@host.invalid/y"
    assert result.options == ("-i https://me:geheim@host.invalid/s",)
    assert "geheim" not in result.texts[result.path]


@pytest.mark.parametrize(
    ("text", "fault", "hint"),
    [
        (b"a==${NOT_SET}\n", "line 1 names the variable NOT_SET, which is not", "export"),
        (b"\na @ ./${NOT_SET}/y\n", "line 2 names the variable NOT_SET", "export"),
        (b"-r ${NOT_SET}.txt\n", "line 1 names the variable NOT_SET", "export"),
        (b"# x\n# K\xfcche\n", "can't be read: line 2 is not UTF-8", "save it as UTF-8"),
        ("numpy\n".encode("utf-16-le"), "can't be read: it has NUL characters, as UT", "save it"),
        (b"requests @ file:///home/conda/feedstock_root/build_artifacts/requests_1\n",
         "line 1 names a local path outside of", "conda's own, of this machine: pip list --format"),
    ],
)  # fmt: skip
def test_what_no_installer_reads(folder: Path, text: bytes, fault: str, hint: str) -> None:
    (folder / "requirements.txt").write_bytes(text)
    with pytest.raises(BadInputError) as raised:
        requirements_file.read(folder / "requirements.txt", folder)
    assert fault in raised.value.message
    assert raised.value.cure.startswith(hint)


@pytest.mark.parametrize("name", ["pyproject.toml", "poetry.lock", "environment.yml", "Pipfile"])
def test_a_file_of_another_tool_is_no_requirements(folder: Path, name: str) -> None:
    sources.write(
        folder, {name: "x = 1\n", "app.py": "", "jetson.toml": f'requirements = "{name}"\n'}
    )
    with pytest.raises(BadInputError, match=r"is no file of requirements") as raised:
        inputs.read(settings.load(folder))
    assert raised.value.cure.endswith("requirements.txt")


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url https://${NOT_SET}:${PYT}@host.invalid/simple",
        "--find-links=https://${NOT_SET}@host.invalid/simple",
        "x @ https://${NOT_SET}@host.invalid/x-1.0.tar.gz",
        "x @ https://${NOT_SET}@host.invalid/x-1.0-py3-none-any.whl",
        "https://${NOT_SET}@host.invalid/x-1.0-py3-none-any.whl",
        "-e git+https://${NOT_SET}@host.invalid/y",
    ],
)
def test_a_variable_of_an_address_is_asked_for_where_it_is_needed(folder: Path, line: str) -> None:
    result = read(folder, f"numpy\n{line}\n")
    assert result.unset == (f"{result.path}: line 2 names the variable NOT_SET, which is not set")
    assert result.texts[result.path] == f"numpy\n{line}\n"
    with (
        pytest.raises(BadInputError, match=r"NOT_SET, which is not set; no login$") as raised,
        requirements_file.asking(result.unset),
    ):
        raise NetworkError("no login")
    assert raised.value.cure.startswith("export")
