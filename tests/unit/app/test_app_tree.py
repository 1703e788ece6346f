"""What of an application's folder goes into the image."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import layers, lock, settings, tree
from jetson_kit.app.settings import App
from jetson_kit.app.source.model import Built, Source
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.progress import Progress


@pytest.fixture
def app(tmp_path: Path) -> App:
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "app.py").write_text("print(1)\n")
    return settings.load(folder)


def plant(app: App, *names: str) -> None:
    for name in names:
        path = app.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(app: App) -> list[str]:
    return [entry.name for entry in tree.read(app).entries]


def test_tools_caches_tests_and_locks_stay_out(app: App) -> None:
    plant(
        app,
        *(".git/config", ".venv/bin/python", "pkg/__pycache__/a.pyc", "jetson.toml"),
        *("tests/test_app.py", "requirements-arm64-py3.11.jetson.lock", "pkg/a b.py"),
    )
    assert names(app) == ["app.py", "pkg/a b.py"]


def test_what_the_kit_wrote_stays_out(app: App) -> None:
    """Each build would else hold the one before."""
    plant(
        app,
        *(f"out/it/{name}" for name in ("manifest.json", "sbom.cdx.json", "it.oci.tar")),
        *(f"logs/{name}" for name in ("native.log", "native.xml", "more/a.json")),
        *(".out.part/it.oci.tar", ".out.old/manifest.json"),
        *("model/manifest.json", "sbom/sbom.cdx.json", "x/native.log", "x/y/native.xml"),
    )
    assert names(app) == [
        "app.py", "model/manifest.json", "sbom/sbom.cdx.json", "x/native.log", "x/y/native.xml",
    ]  # fmt: skip


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_environments_stay_out_by_what_is_in_them(app: App, mark: str) -> None:
    plant(app, f"env/{mark}", "env/lib/a.py", f"tools/my env/{mark}", "environment/a.py")
    (app.folder / "env" / "bin").mkdir()
    (app.folder / "env" / "bin" / "python").symlink_to("/usr/bin/python3")
    assert names(app) == ["app.py", "environment/a.py"]


def test_what_looks_like_a_secret_is_left_out_and_named(app: App) -> None:
    plant(app, ".env", "conf/server.key", "id_rsa", "ca.pem", "key.py")
    result = tree.read(replace(app, include=("ca.pem",)))
    assert [entry.name for entry in result.entries] == ["app.py", "ca.pem", "key.py"]
    assert result.secrets == (".env", "conf/server.key", "id_rsa")


BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
PEM = "-----BEGIN {}-----\n{}" + BASE64 + "\n-----END {}-----\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deploy", PEM.format("OPENSSH PRIVATE KEY", "", "OPENSSH PRIVATE KEY")),
        ("AuthKey.p8", PEM.format("PRIVATE KEY", "", "PRIVATE KEY")),
        ("a.txt", PEM.format("RSA PRIVATE KEY", "DEK-Info: AES-128-CBC,0A\n\n", "RSA PRIVATE KEY")),
        ("key.asc", PEM.format("PGP PRIVATE KEY BLOCK", "\n", "PGP PRIVATE KEY BLOCK")),
        ("both.crt", "x\r\n" + PEM.format("EC PRIVATE KEY", "", "").replace("\n", "\r\n")),
        (
            "robot.json",
            json.dumps({"private_key": PEM.format("PRIVATE KEY", "", "PRIVATE KEY")}, indent=1),
        ),
        ("my.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n"),
        ("wg0.conf", f"[Interface]\nPrivateKey = {BASE64[:43]}=\n"),
        (".git-credentials", "https://me:x@example.org"),
        ("terraform.tfstate", "{}"),
        (
            "deep.yaml",
            "a:\n  key: |\n" + textwrap.indent(PEM.format("PRIVATE KEY", "", ""), " " * 12),
        ),
        ("keys.py", 'KEY = "-----BEGIN PRIVATE KEY-----\\n"\\\n    "' + BASE64 + '"\n'),
    ],
)
def test_private_keys_and_credentials_stay_out(app: App, name: str, text: str) -> None:
    (app.folder / name).parent.mkdir(exist_ok=True)
    (app.folder / name).write_text(text, newline="")
    assert tree.read(app).secrets == (name,)
    assert tree.read(replace(app, include=(name,))).secrets == ()


@pytest.mark.parametrize(
    "text",
    [
        PEM.format("CERTIFICATE", "", "CERTIFICATE"),
        PEM.format("PUBLIC KEY", "", "PUBLIC KEY"),
        'if b"-----BEGIN PRIVATE KEY-----" in data:\n    pass\n',
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n",
        "PrivateKey = <yours>\n",
        'HEAD = "-----BEGIN PRIVATE KEY-----"\nauthenticationHandlers = None\n',
        'HEADS = ["-----BEGIN PRIVATE KEY-----", "' + BASE64 + '"]\n',
    ],
)
def test_what_only_speaks_of_a_private_key_goes_in(app: App, text: str) -> None:
    (app.folder / "a.txt").write_text(text)
    assert tree.read(app).secrets == ()


@pytest.mark.parametrize(
    "name", ["secrets/__init__.py", "conf/kubeconfig/__init__.py", "pkg/token.json", "x/kubeconfig"]
)
def test_modules_and_data_under_names_of_secrets_go_in(app: App, name: str) -> None:
    plant(app, name)
    assert tree.read(app).secrets == ()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("# of the host\n" + PEM.format("CERTIFICATE", "", "CERTIFICATE"), False),
        (PEM.format("RSA PUBLIC KEY", "", "RSA PUBLIC KEY"), False),
        (PEM.format("CERTIFICATE", "", "") + PEM.format("PRIVATE KEY", "", ""), True),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n", True),
        ("x", True),
    ],
)
def test_certificates_go_in_without_a_key(app: App, text: str, secret: bool) -> None:
    (app.folder / "a.pem").write_text(text)
    assert tree.read(app).secrets == (("a.pem",) if secret else ())


def test_many_headers_of_keys_are_looked_through_at_once() -> None:
    text = b"-----BEGIN PRIVATE KEY-----\nA-" + b"-----BEGIN PRIVATE KEY-----\nA: " * 8000
    start = time.monotonic()
    assert not tree.KEY.search(text)
    assert time.monotonic() - start < 2


def test_what_stays_out_of_packages_is_told(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(app, "libs/mine/setup.py", "libs/mine/mine/secrets.py")
    (app.folder / "libs" / "mine" / "mine" / "a.txt").write_text(PEM.format("PRIVATE KEY", "", ""))
    source = Source("mine", "1", "folder", "libs/mine", sha256="0" * 64)
    built = (Built(source, Path("mine.whl"), "0" * 64, pure=True),)
    made = lock.Lock("", (), "aarch64-manylinux_2_36", fresh=False, built=built)
    monkeypatch.setattr(lock, "make", lambda *_args, **_more: made)
    monkeypatch.setattr(layers.Base, "held", lambda _self: None)
    monkeypatch.setattr(layers.Base, "builds", lambda *_args, **_more: None)
    lines: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _self, text: lines.append(text))
    base = layers.Base(Path("lock"), "1.2.2", "arm64", "3.11", "bookworm", "runtime", None)
    own = replace(app, ignore=("libs",), requirements="requirements.txt")
    layers.prepare(own, base, Progress())
    assert any("look like secrets: libs/mine/mine/a.txt (include" in line for line in lines)


def test_a_module_that_is_left_out_is_found(app: App) -> None:
    left = tree.Tree((), ("pkg/testkeys.py", "other/__init__.py", "a/b/deep.py"))
    assert tree.left_out_module(left, "testkeys", "pkg/app.py") == "pkg/testkeys.py"
    assert tree.left_out_module(left, "other", "pkg/app.py") == "other/__init__.py"
    assert not tree.left_out_module(left, "deep", "a/app.py")
    assert not tree.left_out_module(left, "keys", "pkg/app.py")


def test_links_over_what_stays_out_lead_to_nothing(app: App) -> None:
    plant(app, "f.txt", "d/e/g.txt")
    links = {"l": "m", "m": "f.txt", "k": "l", "d/up": "..", "d/e/f": "../../f.txt", "h": "d/e"}
    for name, leads in links.items():
        (app.folder / name).symlink_to(leads)
    assert tree.dangling(app, tree.read(app)) == []
    left = replace(app, ignore=("m",))
    assert tree.dangling(left, tree.read(left)) == ["k", "l"]


def test_a_password_in_an_address_stays_out(app: App) -> None:
    (app.folder / "requirements.txt").write_text("--index-url https://me:geheim@host/simple\n")
    (app.folder / "plain.txt").write_text("https://host:8080/me@example\n")
    result = tree.read(app)
    assert [entry.name for entry in result.entries] == ["app.py", "plain.txt"]
    assert result.secrets == ("requirements.txt",)


def test_what_the_user_ignores_stays_out(app: App) -> None:
    plant(app, "raw/deep/x.bin", "x.mp4", "kept.txt")
    assert names(replace(app, ignore=("raw/*", "*.mp4"))) == ["app.py", "kept.txt"]


@pytest.mark.parametrize(
    "to", ["/etc/passwd", "../outside", "nowhere", "../it/app.py", "./../it", "a/../../it/app.py"]
)
def test_a_link_out_of_the_folder_is_refused(app: App, to: str) -> None:
    (app.folder.parent / "outside").write_text("secret")
    (app.folder / "a").mkdir()
    (app.folder / "link").symlink_to(to)
    with pytest.raises(BadInputError, match=r"is a link (out of the folder|to nothing)"):
        tree.read(app)
    assert names(replace(app, ignore=("link",))) == ["app.py"]


def test_a_folder_that_is_a_link_out_is_refused(app: App) -> None:
    (app.folder.parent / "outside").mkdir()
    (app.folder / "link").symlink_to("../outside", target_is_directory=True)
    with pytest.raises(BadInputError, match="out of the folder"):
        tree.read(app)


def test_a_link_inside_stays_a_link(app: App) -> None:
    (app.folder / "other.py").symlink_to("app.py")
    assert [entry.link for entry in tree.read(app).entries] == ["", "app.py"]


def test_links_to_what_stays_out_are_named(app: App) -> None:
    plant(app, "tests/a.txt", ".env", "data/b.txt", "old/tests/c.txt")
    leads = {"a": "tests", "b": ".env", "c": "data", "d": "app.py", "e": ".", "f": "a/a.txt"}
    for name, link in leads.items():
        (app.folder / name).symlink_to(link)
    assert tree.dangling(app, tree.read(app)) == ["a", "b", "f"]
    shown = replace(app, include=(".env",))
    assert tree.dangling(shown, tree.read(shown)) == ["a", "f"]


def test_what_is_no_file_is_refused(app: App) -> None:
    os.mkfifo(app.folder / "pipe")
    with pytest.raises(BadInputError, match="no regular file"):
        tree.read(app)


def test_a_name_that_is_no_text_is_refused(app: App) -> None:
    Path(os.fsdecode(os.fsencode(app.folder) + b"/\xff.txt")).write_text("x")
    with pytest.raises(BadInputError, match="not UTF-8") as caught:
        tree.read(app)
    assert caught.value.line().isprintable()


def test_too_much_names_the_largest_file(app: App) -> None:
    with (app.folder / "model.bin").open("wb") as stream:
        stream.truncate(3_000_000)
    with pytest.raises(
        BadInputError, match=r"has 3 MB, more than 2; the largest file is model.bin"
    ):
        tree.read(replace(app, max_mb=2))


def test_a_layer_has_names_rights_and_contents_and_nothing_of_this_machine(
    app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    plant(app, "run.sh")
    (app.folder / "run.sh").chmod(0o700)
    (app.folder / "app.py").chmod(0o600)
    tar = layers._files("app", tree.read(app).entries, "{}\n")
    with tarfile.open(tar) as archive:
        rows = {info.name: (info.mode, info.uid, info.mtime) for info in archive if info.isfile()}
    assert {name: row[:2] for name, row in rows.items()} == {
        "app/app.py": (0o644, 0),
        "app/run.sh": (0o755, 0),
        "etc/mediapipe-jetson/app.json": (0o644, 0),
    }
    os.utime(app.folder / "app.py", (1, 1))
    assert layers._files("app", tree.read(app).entries, "{}\n") == tar
    plant(app, "app.py")
    assert layers._files("app", tree.read(app).entries, "{}\n") != tar


def test_a_file_that_changes_meanwhile_is_told(app: App) -> None:
    entries = tree.read(app).entries
    (app.folder / "app.py").write_text("longer than it was\n")
    with pytest.raises(BadInputError, match="was changed meanwhile"):
        tree.check_unchanged(entries)


@pytest.mark.parametrize("ignore", [(), ("secret",)])
def test_a_dockerignore_that_is_not_read_is_named(
    app: App, ignore: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(app, ".dockerignore", "secret/a.txt")
    lines: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _self, text: lines.append(text))
    base = layers.Base(Path("lock"), "1.2.2", "arm64", "3.11", "bookworm", "runtime", None)
    layers.prepare(replace(app, ignore=ignore), base, Progress())
    assert any(".dockerignore is of Dockerfiles" in line for line in lines) is not bool(ignore)


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b/c", "b": "a"}])
def test_a_link_that_leads_to_itself(app: App, links: dict[str, str]) -> None:
    for name, leads in links.items():
        (app.folder / name).symlink_to(leads)
    with pytest.raises(BadInputError, match=r"/a is a link that leads to itself$") as raised:
        tree.read(app)
    assert raised.value.cure.startswith("take it out, or name it in jetson.toml")


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("**/raw", ["a/x", "app.py"]), ("**/a/raw", ["a/x", "app.py", "raw"]),
        ("a/**", ["app.py", "raw"]), ("raw/", ["a/x", "app.py"]), (".hidden", ["a/raw", "a/x", "app"
         ".py", "raw"]),
    ],
)  # fmt: skip
def test_patterns_of_gitignore_with_any_folders(app: App, pattern: str, left: list[str]) -> None:
    (app.folder / "a").mkdir()
    for name in ("a/raw", "a/x", "raw"):
        (app.folder / name).touch()
    result = tree.read(replace(app, ignore=(pattern,)))
    assert [entry.name for entry in result.entries] == left


def test_an_absolute_link_within_the_folder_is_to_be_relative(app: App) -> None:
    (app.folder / "lib").mkdir()
    (app.folder / "lib" / "a b").symlink_to(app.folder / "app.py")
    with pytest.raises(
        BadInputError, match=r"/lib/a b is a link to .*, which is no path of the im"
    ):
        try:
            tree.read(app)
        except BadInputError as error:
            subprocess.run(error.cure.partition(": ")[2], shell=True, check=True)  # noqa: S602
            raise
    names = [entry.name for entry in tree.read(app).entries if entry.link]
    assert names == ["lib/a b"]
    for name in (".venv/x.py", "tests/x.py", "made/pyvenv.cfg", "secrets.json"):
        (app.folder / name).parent.mkdir(exist_ok=True)
        (app.folder / name).touch()
    for name in (".venv/x.py", "tests", "made", "made/pyvenv.cfg", "secrets.json"):
        (app.folder / "link").symlink_to(app.folder / name)
        with pytest.raises(BadInputError, match=r"link to .*, which is no path of the im") as out:
            tree.read(app)
        assert out.value.cure == "take it out, or name it in jetson.toml: ignore = [...]"
        (app.folder / "link").unlink()
    (app.folder / "gone").symlink_to(app.folder / "none")
    with pytest.raises(BadInputError, match=r"/gone is a link out of the folder"):
        tree.read(app)


def test_a_link_below_a_file_leads_to_nothing(app: App) -> None:
    (app.folder / "a").symlink_to("app.py/x")
    with pytest.raises(BadInputError, match=r'/a is a link to nothing, "app.py/x"$'):
        tree.read(app)
    (app.folder / "a").unlink()
    (app.folder / "a").symlink_to("../it/app.py/../../outside/x")
    with pytest.raises(BadInputError, match=r"/a is a link out of the folder"):
        tree.read(app)


def test_a_place_for_a_password_is_none(app: App) -> None:
    (app.folder / "a.yaml").write_text("url: rtsp://${USER}:${PASSWORD}@h/1\n")
    (app.folder / "b.ini").write_text("url = rtsp://%(user)s:%(password)s@h/1\n")
    (app.folder / "c.json").write_text('{"url": "rtsp://{user}:{password}@{host}/1"}\n')
    (app.folder / "c.txt").write_text("http://host:8080?to=a@b.c http://h?at=1:2@b\n")
    (app.folder / "d.json").write_text('{"url": "rtsp://{user}:geheim@{host}/1"}\n')
    (app.folder / "e.ini").write_text("url = rtsp://me:$geheim!1@host/1\n")
    result = tree.read(app)
    assert [entry.name for entry in result.entries] == [
        "a.yaml",
        "app.py",
        "b.ini",
        "c.json",
        "c.txt",
    ]
    assert result.secrets == ("d.json", "e.ini")
