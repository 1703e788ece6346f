"""Tokens and passwords in an application's files are reported by their places, and never shown."""

from __future__ import annotations

import string
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import inputs, settings, tokens, tree
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import App

# Put together here, so that no tool takes this file for one that holds them.
LETTERS = "QwErTyUiOpAsDfGhJkLzXcVbNm" * 8
DIGITS = "9Q4w7E1r5T2y8U3i6O" * 12


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "app.py").touch()
    return settings.load(tmp_path)


def told(app: App, text: str, name: str = "app.py") -> str:
    (app.folder / name).write_text(text)
    return tokens.warning(app, tree.read(app))


SECRETS = (
    ("AKIA" + "Q3ZX7WPL2MNBV5RT", "an AWS access key"),
    ("ghp_" + DIGITS[:36], "a GitHub token"),
    ("https://ghs_" + DIGITS[:36] + "@github.com/o/r", "a GitHub token"),
    ("github_pat_" + DIGITS[:22] + "_" + DIGITS[:59], "a fine-grained GitHub token"),
    ("glpat-" + DIGITS[:20], "a GitLab token"),
    ("hf_" + LETTERS[:34], "a Hugging Face token"),
    ("AIza" + DIGITS[:35], "a Google API key"),
    ("sk-" + DIGITS[:48], "an API key"),
    ("sk-proj-" + LETTERS[:60] + "T3BlbkFJ" + LETTERS[:40], "an API key"),
    ("sk-ant-api03-" + LETTERS[:93], "an API key"),
    ("xoxb-" + "9182736450-9182736451-" + DIGITS[:24], "a Slack token"),
    ("https://hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E/" + DIGITS[:24], "a Slack webhook"),
    ("https://discord.com/api/webhooks/918273645091827364/" + DIGITS[:68], "a Discord webhook"),
    ("https://api.telegram.org/bot918273645:AA" + DIGITS[:33] + "/send", "a Telegram bot's token"),
    ("sk_live_" + DIGITS[:24], "a Stripe key"),
    ("npm_" + DIGITS[:36], "an npm token"),
    ("rtsp://admin:Hik4ever@10.0.0.7:554/1", "an address with a password"),
    ("mqtt://door:s3cr3t!@broker.local", "an address with a password"),
    ("redis://:s3same@db:6379/0", "an address with a password"),
    ("postgresql://postgres:postgres@db/doors", "an address with a password"),
    ("rtsp://admin:12345@10.0.0.5/", "an address with a password"),
    ("rtsp://admin:12345abc@10.0.0.5/", "an address with a password"),
    ("rtsp://john.doe:Hik4ever@10.0.0.5/", "an address with a password"),
    ("rtsp://admin:my_token_9x@10.0.0.5/", "an address with a password"),
    ("rtsp://admin:HIK_4EVER@10.0.0.5/", "an address with a password"),
    ("rtsp://admin:Ab,c;d|e@10.0.0.5/", "an address with a password"),
    ("rtsp://admin:s3cret@sha.local/", "an address with a password"),
)


@pytest.mark.parametrize(("secret", "what"), SECRETS)
def test_a_secret_is_told_by_its_place_alone(app: App, secret: str, what: str) -> None:
    line = told(app, f"import os\n\nVALUE = '{secret}'\n")
    assert line.startswith(f"app.py, line 3 ({what}): by its form a secret")
    assert secret not in line
    assert tokens.warning(replace(app, include=("app.py",)), tree.read(app)) == ""


@pytest.mark.parametrize("name", ["run.sh", "notes.ipynb", "www/index.html", "NOTES", "conf.json"])
def test_any_file_of_text_is_read(app: App, name: str) -> None:
    (app.folder / name).parent.mkdir(exist_ok=True)
    assert f"{name}, line 1 (" in told(app, f'"ghp_{DIGITS[:36]}"', name)


@pytest.mark.parametrize(
    "text",
    [
        "# rtsp://user:password@host/stream",
        "rtsp://admin:<password>@192.168.1.2/",
        "rtsp://user:pass@192.168.1.10:554/",
        "rtsp://USER:PASSWORD@HOST/PATH",
        "mqtt://me:changeme@broker",
        "mqtt://me:your_password@broker",
        "mqtt://me:xxxx@broker",
        "mqtt://me:****@broker",
        "http://me:s3cret@example.com/",
        "http://me:s3cret@host/",
        "f'rtsp://{user}:{password}@{host}/'",
        "'rtsp://{}:{}@{}'.format(u, p, h)",
        "'rtsp://%s:%s@%s' % (u, p, h)",
        "rtsp://$USER:$PW@cam",
        "rtsp://me:${CAMERA_PASSWORD:-}@cam",
        "'rtsp://me:'+pw+'@cam'",
        '"rtsp://me:"+os.environ["PW"]+"@cam"',
        "re.sub(r'://[^:]+:[^@]+@', '://***@', url)",
        "re.sub(r'://.*:.*@', '', url)",
        r"re.sub(r'://\S+:\S+@', '', url)",
        "http://localhost:8080/?mail=me@door.org",
        "http://[fe80::1]:80/@x",
        "<link href='https://fonts.googleapis.com/css2?family=Inter:wght@400;700'>",
        "https://cdn.jsdelivr.net/npm/a:b@1.2.3/x.js",
        "http://a:b@localhost:3128/",
        "[site](https://foo.com),[mail](mailto:info@foo.com)",
        "<https://foo.com>,<mailto:info@foo.com>",
        "https://foo.com,mailto:info@foo.com",
        "https://foo.com;tel:1|mail:info@foo.com",
        "https://foo.com:8080,me@bar.com",
        "http://db:5432,me@bar.com",
        "http://a.b:80;c@d",
        "http://a.b:80|c@d",
        "docker://nginx:1.25@sha256:" + "0123456789abcdef" * 4,
        "docker://nginx:latest@sha256:" + "0123456789abcdef" * 4,
        "tcp://0.0.0.0:5555@rep",
        "tcp://*:5555@rep",
        "https://oauth2:ACCESS_TOKEN@gitlab.com/a/b",
        "https://x-access-token:GITHUB_TOKEN@github.com/a/b",
        "postgres://user:DB_PASSWORD@db/doors",
        "rtsp://user:CAM1_PASS@10.0.0.7/",
        "rtsp://user:__PASSWORD__@10.0.0.7/",
        "rtsp://user:__CAM_PASSWORD__@10.0.0.7/",
        "rtsp://%USER%:%PASSWORD%@10.0.0.7/",
        "https://$TOKEN:x-oauth-basic@github.com/a/b",
        "rtsp://benutzer:passwort@10.0.0.7/",
        "rtsp://moi:motdepasse@10.0.0.7/",
        "rtsp://yo:contraseña@10.0.0.7/",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "ghp_" + string.digits + string.ascii_lowercase,
        "hf_" + "X" * 34,
        "token.startswith('sk-') or token.startswith('xoxb-')",
        "sk-toggleable__content-and-its-estimator-id-1-of-the-notebook",
        "sk-fading-circle-with-many-words-in-its-name-indeed",
        "data:image/png;base64,iVBORw0KGgo" + "AIza" + DIGITS[:35] + "/abc",
        "sha256:" + "0123456789abcdef" * 4,
        "task-" + DIGITS[:40],
    ],
)
def test_an_example_is_no_secret(app: App, text: str) -> None:
    assert told(app, f"{text}\n") == ""


def test_tokens_in_jetson_toml_are_told(app: App) -> None:
    token = "ghp_" + DIGITS[:36]
    given = replace(app, environment={"BOT": token, "SIZE": "9"}, command=("x", f"--key={token}"))
    line = tokens.warning(given, tree.read(app))
    assert line.startswith("jetson.toml, BOT (a GitHub token); jetson.toml, command (a GitHub")
    assert token not in line
    # A file can be named as one without a secret, jetson.toml can't.
    assert "include = " not in line
    assert "include = " in tokens.warning(given, _with(app, f"T = '{token}'"))


def _with(app: App, text: str) -> tree.Tree:
    (app.folder / "app.py").write_text(text)
    return tree.read(app)


def test_what_is_no_text_or_stays_out_is_not_told(app: App) -> None:
    (app.folder / "model.bin").write_bytes(f"\0ghp_{DIGITS[:36]}".encode())
    (app.folder / "tests").mkdir()
    (app.folder / "tests" / "test_a.py").write_text(f"T = 'ghp_{DIGITS[:36]}'")
    assert told(app, "") == ""


def test_many_places_are_one_line(app: App) -> None:
    text = "".join(f"T{number} = 'ghp_{DIGITS[number : number + 36]}'\n" for number in range(7))
    line = told(app, text)
    assert "app.py, line 5 (a GitHub token); and 2 more: " in line
    assert "line 6" not in line


def test_the_plan_tells_it(app: App, caplog: pytest.LogCaptureFixture) -> None:
    (app.folder / "app.py").write_text("URL = 'rtsp://admin:Hik4ever@10.0.0.7/1'\n")
    inputs.check_folder(app, Python("3.11", "arm64"), frozenset())
    assert "warning: app.py, line 1 (an address with a password)" in caplog.text
    assert "Hik4ever" not in caplog.text


@pytest.mark.parametrize(
    "part",
    [
        "sk-a-",
        "AIza",
        "xoxb-1",
        "://",
        "://a:",
        "sk-" + "a" * 30,
        ":AA",
        "gh",
        "://.",
        "://a.b:1",
        ".:1",
    ],
)
def test_a_search_takes_no_long_time(app: App, part: str) -> None:
    begin = time.process_time()
    told(app, part * (250_000 // len(part)))
    told(app, part + part[-1] * 200_000)
    assert time.process_time() - begin < 3
