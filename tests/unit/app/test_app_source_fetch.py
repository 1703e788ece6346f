"""Where sources come from: an index here, an address, git; their hashes and passwords."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from jetson_kit.app.source import addresses, fetch, repository
from jetson_kit.app.source.model import Source
from jetson_kit.core.errors import BadInputError, IntegrityError, KitError, NetworkError
from jetson_kit.core.files import sha256_file
from jetson_kit.core.paths import cache_dir
from tests.support import sources
from tests.unit import small_index

LOGIN = "me:geheim"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an index's folder with two releases of one package, source alone."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    place = tmp_path / "index"
    place.mkdir()
    for name in ("native-0.9", "native-1.0"):
        sources.archive(place, sources.compiled(name), name)
    small_index.renew(place)
    return place


@pytest.fixture
def index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with small_index.served(folder) as address:
        for name, value in small_index.environment(address).items():
            monkeypatch.setenv(name, value)
        yield address


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("requirement", "version"), [("native", "1.0"), ("native<1", "0.9"), ("native==0.9", "0.9")]
)
def test_the_newest_that_is_allowed(folder: Path, requirement: str, version: str) -> None:
    source = fetch.of_index("native", [requirement], "3.11", ())
    assert source is not None
    assert (source.version, source.kind, source.origin) == (version, "index", "")
    assert source.sha256 == sha256_file(folder / f"native-{version}.tar.gz")
    # Nothing of it was run: its backend would have failed here.
    assert fetch.put(source, folder, folder / "it", (), "3.11").name == f"native-{version}"


def test_secrets_of_a_folder_are_no_part_of_its_package(tmp_path: Path) -> None:
    sources.write(tmp_path / "lib", {"setup.py": ""})
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIB" * 8
    sources.write(tmp_path / "lib" / "lib", {".env": "x", "a.pem": key})
    (tmp_path / "lib" / "lib" / "link").symlink_to("a.pem")
    include = ("lib/lib/a.pem",)
    source = fetch.of_folder(tmp_path, "lib", "lib", include)
    assert source.sha256 != fetch.of_folder(tmp_path, "lib", "lib").sha256
    into = fetch.put(source, tmp_path, tmp_path / "it", (), "3.11", include)
    assert sorted(path.name for path in into.rglob("*")) == ["a.pem", "lib", "link", "setup.py"]
    into = fetch.put(fetch.of_folder(tmp_path, "lib", "lib"), tmp_path, tmp_path / "to", (), "3.11")
    assert sorted(path.name for path in into.rglob("*")) == ["setup.py"]
    left = list(fetch.left_out(tmp_path, "./lib"))
    assert left == ["lib/lib/.env", "lib/lib/a.pem", "lib/lib/link"]
    assert list(fetch.left_out(tmp_path, "lib", include)) == ["lib/lib/.env"]


def test_what_a_package_needs_goes_in_whatever_its_name_is(tmp_path: Path) -> None:
    sources.write(tmp_path / "lib", {"setup.py": ""})
    files = ["secrets.py", "secrets/__init__.py", "certs/cacert.pem", "token.json", "piano.key"]
    for name in (*files, "kubeconfig/__init__.py", "id_rsa_test.py", "id_rsa.pub", ".env.example"):
        path = tmp_path / "lib" / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("-----BEGIN CERTIFICATE-----\n" + "MIIEvQIB" * 8)
    source = fetch.of_folder(tmp_path, "lib", "lib")
    into = fetch.put(source, tmp_path, tmp_path / "it", (), "3.11")
    assert len([path for path in into.rglob("*") if path.is_file()]) == 10
    assert not list(fetch.left_out(tmp_path, "lib"))


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("name", ["absent", "native==3"])
def test_what_an_index_has_no_source_of(name: str) -> None:
    assert fetch.of_index(name.partition("=")[0], [name], "3.11", ()) is None


@pytest.mark.usefixtures("index")
def test_other_bytes_than_the_index_names_are_refused(folder: Path) -> None:
    with (folder / "native-1.0.tar.gz").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(IntegrityError):
        fetch.of_index("native", ["native"], "3.11", ())
    assert not list(cache_dir("app-sources").iterdir())


@pytest.mark.usefixtures("index")
def test_other_bytes_than_the_lock_names_are_refused(folder: Path) -> None:
    source = fetch.of_index("native", ["native"], "3.11", ())
    assert source is not None
    with pytest.raises(IntegrityError, match="with the hash of the lock"):
        fetch.put(replace(source, sha256="0" * 64), folder, folder / "it", (), "3.11")
    (path,) = cache_dir("app-sources").iterdir()
    path.write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match="not the hash"):
        fetch.put(source, folder, folder / "it", (), "3.11")
    # What was damaged here is fetched again.
    assert fetch.put(source, folder, folder / "it", (), "3.11").is_dir()


def test_an_index_with_a_password(folder: Path) -> None:
    with small_index.served(folder, LOGIN) as address:
        options = (f"--index-url {address.replace('://', f'://{LOGIN}@')}",)
        source = fetch.of_index("native", ["native"], "3.11", options)
    assert source is not None
    assert "geheim" not in repr(source)


def test_an_index_of_the_environment_with_a_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_index.served(folder, LOGIN) as address:
        secret = address.replace("://", f"://{LOGIN}@")
        for name, value in small_index.environment(secret).items():
            monkeypatch.setenv(name, value)
        assert fetch.of_index("native", ["native"], "3.11", ()) is not None


def test_an_index_of_uvs_settings_with_a_password_in_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_index.served(folder, LOGIN) as address:
        settings = sources.write(folder / "settings", {}) / "uv.toml"
        settings.write_text(f'[[index]]\nname = "our-own"\nurl = "{address}"\ndefault = true\n')
        monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
        monkeypatch.setenv("UV_INDEX_OUR_OWN_USERNAME", "me")
        monkeypatch.setenv("UV_INDEX_OUR_OWN_PASSWORD", "geheim")
        assert fetch.of_index("native", ["native"], "3.11", ()) is not None


@pytest.mark.parametrize(
    ("known", "address", "login"),
    [
        ("https://u:pw@host.invalid/simple", "https://host.invalid/x", "u:pw@"),
        ("https://u:pw@host.invalid:443/simple", "https://HOST.invalid/x", "u:pw@"),
        ("http://u:pw@host.invalid/simple", "http://host.invalid:80/x", "u:pw@"),
        ("https://u:pw@host.invalid/simple", "http://host.invalid/x", ""),
        ("http://u:pw@host.invalid/simple", "https://host.invalid/x", ""),
        ("https://u:pw@host.invalid:8443/simple", "https://host.invalid/x", ""),
        ("https://u:pw@host.invalid/simple", "https://host.invalid:8443/x", ""),
        ("https://u:pw@host.invalid/simple", "http://host.invalid:443/x", ""),
        ("https://u:pw@host.invalid/simple", "ssh://host.invalid/x", ""),
        ("https://u:pw@host.invalid/simple", "https://host.invalid.other.invalid/x", ""),
        ("https://u:pw@host.invalid/simple", "https://me@host.invalid/x", ""),
        ("https://u:pw@host.invalid:x/simple", "https://host.invalid/x", ""),
        ("https://u:pw@[host/simple", "https://host.invalid/x", ""),
        ("https://u:pw@host.invalid/simple", "https://host.invalid:x/x", ""),
    ],
)
@pytest.mark.parametrize("variable", [True, False])
def test_an_indexs_login_goes_to_its_own_server_alone(
    monkeypatch: pytest.MonkeyPatch, known: str, address: str, login: str, variable: bool
) -> None:
    monkeypatch.setenv("UV_CONFIG_FILE", os.devnull)
    if variable:
        monkeypatch.setenv("UV_INDEX_URL", known)
    options = () if variable else (f"--index-url {known}",)
    assert addresses.with_login(address, options) == address.replace("://", f"://{login}")


def test_a_folder_of_archives_is_an_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in small_index.environment("http://127.0.0.1:9/").items():
        monkeypatch.setenv(name, value)
    options = ("--no-index", f"--find-links {folder}")
    source = fetch.of_index("native", ["native"], "3.11", options)
    assert source is not None
    assert source.version == "1.0"


def test_an_address(folder: Path) -> None:
    with small_index.served(folder, LOGIN) as address:
        place = f"{address.removesuffix('simple/')}native-1.0.tar.gz".replace("//", f"//{LOGIN}@")
        sha256 = sha256_file(folder / "native-1.0.tar.gz")
        source = fetch.of_address(f"{place}#sha256={sha256}", "native", ())
        assert "geheim" not in repr(source)
        assert source.sha256 == sha256
        with pytest.raises(IntegrityError) as wrong:
            fetch.of_address(f"{place}#sha256={'0' * 64}", "native", ())
        with pytest.raises(NetworkError) as refused:
            fetch.of_address(place.replace("geheim", "falsch"), "native", ())
        with pytest.raises(NetworkError) as gone:
            fetch.of_address(place.replace("native", "absent"), "native", ())
    for caught in (wrong, refused, gone):
        assert "geheim" not in caught.value.line()
        assert "falsch" not in caught.value.line()
        assert "\n" not in caught.value.line()
    with pytest.raises(BadInputError):
        fetch.of_address(f"{address}native.txt", "native", ())


def test_git(folder: Path) -> None:
    place = sources.write(folder / "repository", sources.compiled())
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-C", str(place)]
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-qm", "x"],
        ["tag", "v1"],
    ):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    source = fetch.of_git(f"git+file://{place}@v1", "native")
    assert (source.origin, len(source.commit)) == (f"file://{place}", 40)
    assert fetch.of_git(f"git+file://{place}@main", "").commit == source.commit
    assert fetch.of_git(f"git+file://{place}", "").commit == source.commit
    (place / "own.py").write_text("changed")
    subprocess.run([*git, "commit", "-qam", "y"], check=True)
    assert fetch.of_git(f"git+file://{place}", "").commit != source.commit
    package = fetch.put(source, folder, folder / "it", (), "3.11")
    assert "native.c" in {item.name for item in package.iterdir()}
    assert (package / "own.py").read_text() != "changed"


@pytest.fixture
def served_by_git(folder: Path) -> Path:
    """Return the name of a repository that a plain web server can serve."""
    place = sources.write(folder / "repository", {"setup.py": ""})
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-C", str(place)]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run([*git, "update-server-info"], check=True)
    return Path("repository", ".git")


@pytest.mark.parametrize("password", ["geheim", "ge@h:e/i m%$'\"`$(id)"])
def test_a_password_of_git_is_in_no_argument(
    folder: Path, served_by_git: Path, password: str
) -> None:
    seen: list[bytes] = []
    with small_index.served(folder, f"me:{password}", seen) as address:
        place = address.replace("simple/", str(served_by_git))
        login = f"me:{quote(password, safe='')}@"
        source = fetch.of_git(f"git+{place.replace('//', f'//{login}', 1)}", "")
        with pytest.raises(KitError) as refused:
            fetch.of_git(f"git+{place.replace('//', '//me:falsch@', 1)}", "")
    assert source.origin == place
    arguments = b"\n".join(seen)
    assert b"git-remote-http" in arguments.replace(b"git\0remote-http", b"git-remote-http")
    for secret in (password, quote(password, safe=""), "falsch"):
        assert secret.encode() not in arguments
    assert "falsch" not in refused.value.line()


@pytest.mark.parametrize(("own", "stays"), [("1", "yes\n"), ("0", ""), ("", "")])
def test_settings_of_git_in_the_environment_stay(
    monkeypatch: pytest.MonkeyPatch, own: str, stays: str
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", own)
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "own.setting")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "yes")
    settings = repository._login("https://me:geheim@host.invalid/x")
    done = [
        subprocess.run(
            ["git", "config", name],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for name in ("own.setting", "credential.https://host.invalid.username")
    ]
    assert done == [stays, "me\n"]


@pytest.mark.parametrize("login", ["me:a%0Ab@", "me:a%00b@", "a%1Bb@"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_login_of_git_that_is_none_is_one_line(folder: Path, scheme: str, login: str) -> None:
    with pytest.raises(BadInputError, match="control character"):
        fetch.of_git(f"git+{scheme}://{login}127.0.0.1:9/x", "")


def test_ssh_gets_no_password(folder: Path) -> None:
    with pytest.raises(BadInputError, match="no password") as caught:
        fetch.of_git("git+ssh://me:geheim@127.0.0.1:9/x", "")
    assert "geheim" not in caught.value.line()


@pytest.mark.parametrize(
    "address",
    [
        "git+file:///absent/repository",
        "git+ext::sh -c x",
        "git+https://x.invalid/y@--upload-pack=x",
    ],
)
def test_what_git_has_not_is_one_line(folder: Path, address: str) -> None:
    with pytest.raises(KitError) as caught:
        fetch.of_git(address, "")
    assert "\n" not in caught.value.line()


def test_a_damaged_lock_of_git(folder: Path) -> None:
    place = sources.write(folder / "repository", {"setup.py": ""})
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    with pytest.raises(KitError):
        fetch.put(
            Source("x", "1", "git", f"file://{place}", commit="1" * 40), folder, folder, (), "3.11"
        )


@pytest.mark.parametrize(
    "address", ["file:///nowhere/x-1.tar.gz", "file:///nowhere/a%2Fx-1.tar.gz"]
)
def test_an_archive_that_is_not_there_is_one_line(address: str) -> None:
    with pytest.raises(BadInputError, match="can't be read: No such file"):
        fetch.of_address(address, "x", ())
