"""What of an application's folder looks like a secret, and stays out of the image."""

from __future__ import annotations

import json
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import layers, lock, tree
from jetson_kit.app.settings import App
from jetson_kit.app.source.model import Built, Source
from jetson_kit.core.progress import Progress
from tests.unit.app.planted import plant


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
    result = lock.Lock("", (), "aarch64-manylinux_2_36", fresh=False, built=built)
    monkeypatch.setattr(lock, "make", lambda *_args, **_more: result)
    monkeypatch.setattr(layers.Base, "held", lambda _self: None)
    monkeypatch.setattr(layers.Base, "builds", lambda *_args, **_more: None)
    lines: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _self, text: lines.append(text))
    base = layers.Base(Path("lock"), "1.2.2", "arm64", "3.11", "bookworm", "runtime", None)
    own = replace(app, ignore=("libs",), requirements="requirements.txt")
    layers.prepare(own, base, Progress())
    assert any("look like secrets: libs/mine/mine/a.txt (include" in line for line in lines)


def test_a_password_in_an_address_stays_out(app: App) -> None:
    (app.folder / "requirements.txt").write_text("--index-url https://me:geheim@host/simple\n")
    (app.folder / "plain.txt").write_text("https://host:8080/me@example\n")
    result = tree.read(app)
    assert [entry.name for entry in result.entries] == ["app.py", "plain.txt"]
    assert result.secrets == ("requirements.txt",)


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
