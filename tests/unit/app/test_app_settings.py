"""jetson.toml: defaults, and every fault with its line, key and what to write."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from jetson_kit.app import inputs, service, settings, tree
from jetson_kit.core.errors import BadInputError
from jetson_kit.service import role_values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "Door Camera"
    place.mkdir()
    (place / "app.py").write_text("print('runs')\n")
    return place


def refused(folder: Path, toml: str) -> str:
    (folder / "jetson.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        settings.load(folder)
    line = caught.value.line()
    assert "\n" not in line
    return line


def test_a_folder_with_app_py_alone_is_an_application(folder: Path) -> None:
    app = settings.load(folder)
    assert (app.name, app.command, app.requirements) == ("door-camera", ("python3", "app.py"), "")
    assert (app.service.network_mode, app.variables) == ("none", {})


def test_what_is_named_is_taken(folder: Path) -> None:
    (folder / "more.txt").write_text("")
    (folder / "jetson.toml").write_text(
        'name = "other"\ncommand = ["sh", "-c", "true"]\nrequirements = "more.txt"\n'
        'backend = "litert"\n[environment]\nA = "b"\n[service]\nports = ["80:8080"]\n'
        "[health]\ninterval_s = 5\n[debian]\npackages = ['b', 'a-1', 'b']\n"
        .replace("'b'", "'bb'")
    )  # fmt: skip
    app = settings.load(folder)
    assert (app.name, app.command[0], app.requirements) == ("other", "sh", "more.txt")
    assert app.variables == {"MEDIAPIPE_JETSON_BACKEND": "litert", "A": "b"}
    assert (app.service.network_mode, app.debian) == ("bridge", ("a-1", "bb"))
    assert app.as_json()["health"] == {"interval_s": 5}


def test_a_hint_is_of_the_key_itself(folder: Path) -> None:
    line = refused(
        folder, 'wheels = "../x"\ncamera = "usb0"\n[target]\nl4t = 36\n[test]\nvideo = 5\n'
    )
    assert "write a folder of wheels inside the application's folder" in line
    assert 'l4t is 36, write a release or JetPack, such as "36.4.4"' in line
    assert "video is 5, write a video in the folder" in line
    assert '"rtsp://USER@HOST/PATH", without a password' in line


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("min_fps = 0", "health.min_fps is 0, write the fewest frames a second"),
        ("max_latency_ms = 'x'", 'health.max_latency_ms is "x", write the most milliseconds'),
        ("min_fps = nan", "health.min_fps"),
        ("max_latency_ms = inf", "health.max_latency_ms"),
        ("min_fps = 5\ncommand = ['true']", "health.command is the application's own"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(folder: Path, toml: str, expected: str) -> None:
    assert expected in refused(folder, f"[health]\n{toml}\n")


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('[environment]\nMEDIAPIPE_JETSON_MIN_FPS = "x"\n', "write health.min_fps"),
        (
            'backend = "litert"\n[environment]\nMEDIAPIPE_JETSON_BACKEND = "onnx"\n',
            "says what backend is for",
        ),
        (
            'camera = "csi://0"\n[environment]\nMEDIAPIPE_JETSON_SOURCE = "a.avi"\n',
            "says what camera is for",
        ),
    ],
)
def test_a_variable_that_a_key_sets_is_refused(folder: Path, toml: str, expected: str) -> None:
    assert expected in refused(folder, toml)


@pytest.mark.parametrize(
    ("volume", "devices", "warned"),
    [
        ("/dev:/dev", "", True),
        ("/dev/bus/usb:/usb:ro", "", True),
        ("//dev/./video0:/v", "", True),
        ("/dev/random2:/v", "", True),
        ("/dev:/dev", "/dev/video0", False),
        ("/dev/serial:/dev/serial", "/dev/ttyUSB0", False),
        *((f"{path}:{path}", "", False) for path in (
            "/dev/shm", "/dev/shm/door", "/dev/shm_door", "/dev/hugepages-1G", "/dev/pts",
            "/dev/fd", "/dev/null", "/dev/urandom", "/dev/tty", "/dev/log", "/devices",
        )),
    ],
)  # fmt: skip
def test_a_volume_of_devices_is_taken_and_told_where_none_is_named(
    folder: Path, caplog: pytest.LogCaptureFixture, volume: str, devices: str, warned: bool
) -> None:
    named = json.dumps([devices] if devices else [])
    (folder / "jetson.toml").write_text(
        f"service.volumes = {json.dumps([volume])}\nservice.devices = {named}\n"
    )
    app = settings.load(folder)
    inputs.check(app)
    assert app.service.volumes == (volume,)
    line = f'warning: volume "{volume}" in jetson.toml: a volume lets no device be used, devices'
    assert (line in caplog.text, caplog.text == "") == (warned, not warned)


@pytest.mark.parametrize(
    ("toml", "warning"),
    [
        ('ignore = ["!keep.mp4"]', '"!keep.mp4" in jetson.toml: nothing takes a file back in'),
        (
            'ignore = ["a", "/data"]',
            '"/data" in jetson.toml: matches nothing: "data/*" is for the ',
        ),
        ('include = ["./ca.pem"]', '"./ca.pem" in jetson.toml: matches nothing: "ca.pem/*" is for'),
        (
            'ignore = ["./.cache/"]',
            ' nothing: ".cache/*" is for the folder at the top, ".cache" fo',
        ),
        ('ignore = [".env.d", "data/", "**/x", "a!"]', ""),
    ],
)
def test_a_pattern_without_effect_is_taken_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture, toml: str, warning: str
) -> None:
    (folder / "jetson.toml").write_text(toml)
    inputs.check(settings.load(folder))
    assert (warning in caplog.text, caplog.text == "") == (True, not warning)


def test_paths_of_folders_are_plain(folder: Path) -> None:
    (folder / "my").mkdir()
    (folder / "my" / "x-1-py3-none-any.whl").touch()
    (folder / "checks").mkdir()
    (folder / "checks" / "test_app.py").touch()
    (folder / "jetson.toml").write_text(
        'wheels = "./my//"\n[test]\nfolder = "././checks"\nrequirements = "./app.py"\n'
    )
    app = settings.load(folder)
    assert (app.wheels, app.tests.folder, app.tests.requirements) == ("my", "checks", "app.py")
    assert [entry.name for entry in tree.read(app).entries] == ["app.py"]


def test_limits_are_variables_of_the_image_and_no_part_of_the_engines_check(folder: Path) -> None:
    (folder / "jetson.toml").write_text(
        "[health]\nmin_fps = 12.5\nmax_latency_ms = 120\nretries = 2\n"
    )
    app = settings.load(folder)
    assert app.variables == {
        "MEDIAPIPE_JETSON_HEALTH_FILE": "/tmp/alive",
        "MEDIAPIPE_JETSON_MIN_FPS": "12.5",
        "MEDIAPIPE_JETSON_MAX_LATENCY_MS": "120",
    }
    assert app.health.of_engine == {"retries": 2}


def test_all_faults_are_in_one_line_in_the_order_of_lines(folder: Path) -> None:
    line = refused(folder, 'nmae = "x"\ncommand = 5\n[service]\ndevices = ["/etc/passwd"]\n')
    places = [line.index(f"line {number}: ") for number in (1, 2, 4)]
    assert places == sorted(places)
    assert "nmae is no key of jetson.toml, did you mean name?" in line
    assert 'command is 5, write a list of words, such as ["python3", "app.py"]' in line
    assert 'service.devices[0] is "/etc/passwd", write a device of the board below /dev' in line


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('name = "Upper"', 'name is "Upper", write up to 40 lower-case'),
        ('name = "-a"', "lower-case"),
        ("[environment]\n'1a' = 'x'", "environment.1a is no name of a variable"),
        ("[environment]\nA = 1", "line 2: environment.A is 1, write text in quotes"),
        ('[service]\nvolumes = ["data:/data"]', "FOLDER_OF_THE_BOARD"),
        ('[service]\nvolumes = ["/a/../etc:/data"]', "FOLDER_OF_THE_BOARD"),
        ('[service]\nvolumes = ["/etc:/data"]', "boards refuse this"),
        ('[service]\nvolumes = ["/run/docker.sock:/data"]', "boards refuse this"),
        ('[service]\nvolumes = ["/srv/{{ x }}:/data"]', "reads as a template"),
        ('[service]\nvolumes = ["/srv/x:/app"]', "/app is its code"),
        ('[service]\ndevices = ["/dev/../etc"]', "below /dev"),
        ("[service]\nports = [80]", "BOARD:APPLICATION"),
        ("[health]\nretries = 0", "from 1 to 100"),
        ('[target]\npython = "2.7"', "version of Python"),
        ('requirements = "../r.txt"', "in the folder"),
        ('requirements = "r.txt"', "requirements names r.txt, which is not there"),
        ('[test]\nvideo = "v.avi"', "names v.avi, which is not there"),
        ('target = "r36"', "write a table [target]"),
        ("command = []", "a list of words"),
        ('command = ["python3", "main.py"]', "command runs main.py, which is not there"),
        ("[environment]\nMQTT_PASSWORD = 'x'", "environment.MQTT_PASSWORD looks like a secret"),
        ('command = ["a\\u0000b"]', "without control characters"),
        ('name = "a\\n"', "lower-case"),
        ('command = ["a\\n"]', "without control characters"),
        ('[environment]\n"A\\n" = "x"', "is no name of a variable"),
        ('[environment]\nA = "x\\n"', "of one line"),
        ('[debian]\npackages = ["bb\\n"]', "the name of a Debian package"),
        ("schema = 2", "schema = 1"),
        ("a = [", "is not TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_a_fault_says_what_to_write(folder: Path, toml: str, expected: str) -> None:
    assert expected in refused(folder, toml)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('ports = ["80:80"]', "line 1: ports is no key of the top of jetson.toml, "
         "write it under [service]"),
        ('[target]\nname = "x"', "line 2: target.name is no key of [target], "
         "write it at the top, before any [table]"),
        ("timeout_s = 5", "write it under [build] or under [health] or under [test]"),
        ("[debian]\nvideo = 'a.avi'", "debian.video is no key of [debian], write it under [test]"),
        ("[service]\nrequirements = 'r.txt'",
         "write it at the top, before any [table] or under [test]"),
        ("[health]\npython = '3.11'", "write it under [target]"),
        ("[service]\nport = ['80:80']", "is no key of jetson.toml, did you mean ports?"),
    ],
)  # fmt: skip
def test_a_key_of_another_table_is_told_its_place(folder: Path, toml: str, expected: str) -> None:
    assert expected in refused(folder, toml)


def test_bytes_that_are_no_text(folder: Path) -> None:
    (folder / "jetson.toml").write_bytes(b"\xff\x00")
    with pytest.raises(BadInputError, match="is not UTF-8, as TOML is"):
        settings.load(folder)


def test_without_app_py_a_command_is_needed(folder: Path) -> None:
    (folder / "app.py").unlink()
    assert "has neither app.py nor a command" in refused(folder, "")
    (folder / "jetson.toml").write_text('command = ["sleep", "1"]')
    assert settings.load(folder).command == ("sleep", "1")


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({}, "write app.py"),
        ({"eyes.py": "x = 1"}, '"eyes.py"'),
        ({"drowsy.py": "if __name__ == '__main__': pass", "eyes.py": "x"}, '"drowsy.py"'),
        ({"b.py": "__main__", "a.py": "__main__"}, '"a.py"] or command = ["python3", "b.py"]'),
    ],
)
def test_what_a_folder_may_run_is_named(
    folder: Path, programs: dict[str, str], expected: str
) -> None:
    (folder / "app.py").unlink()
    for name, text in programs.items():
        (folder / name).write_text(text)
    assert expected in refused(folder, "")
    assert ('command = ["python3", "' in refused(folder, "")) is bool(programs)
    assert ("eyes.py" in refused(folder, "")) is (list(programs) == ["eyes.py"])


def test_a_notebook_is_to_be_made_a_program(folder: Path) -> None:
    (folder / "app.py").unlink()
    (folder / "my demo.ipynb").touch()
    message = refused(folder, "")
    assert "jupyter nbconvert --to script 'my demo.ipynb', and name it: command = [" in message
    assert '["python3", "my demo.py"]' in message


@pytest.mark.parametrize(
    ("camera", "devices", "options", "network"),
    [
        ("/dev/video2", ("/dev/video2",), ["--device=/dev/video2"], "none"),
        *((link, (link,), [f"--device={link}"], "none") for link in (
            "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_1A2B-video-index0",
            "/dev/v4l/by-path/platform-tegra-capture-vi-video-index0",
            "/dev/v4l/front",
        )),
        ("csi://0?width=640", (),
         ["--mount=type=bind,source=/tmp/argus_socket,target=/tmp/argus_socket"], "none"),
        ("rtsp://viewer@10.0.0.7:554/live?ch=1", (), [], "bridge"),
    ],
)  # fmt: skip
def test_a_camera_brings_what_it_needs_of_the_board(
    folder: Path, camera: str, devices: tuple[str, ...], options: list[str], network: str
) -> None:
    (folder / "jetson.toml").write_text(f'camera = "{camera}"')
    app = settings.load(folder)
    assert app.films
    assert app.variables["MEDIAPIPE_JETSON_SOURCE"] == camera
    assert app.service.devices == devices
    assert service.options(app) == options
    assert app.service.network_mode == network
    variables = service.variables(app)
    assert set(devices) <= set(variables["service_device_nodes"])
    assert role_values.faults(variables) == []


def test_an_application_without_a_camera_needs_no_gstreamer(folder: Path) -> None:
    (folder / "jetson.toml").write_text('[service]\ndevices = ["/dev/ttyTHS1"]')
    assert not settings.load(folder).films
    for node in ("/dev/video0", "/dev//video0", "/dev/v4l/by-id/usb-x-index0",
                 "/dev/v4l//front", "/dev/cams/video0", "/dev/video-front"):  # fmt: skip
        (folder / "jetson.toml").write_text(f'[service]\ndevices = ["{node}"]')
        assert settings.load(folder).films


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('camera = "rtsp://me:secret@h/x"', "without a password"),
        ('camera = "csi://one"', "write a camera"),
        ('camera = "http://h/x"', "write a camera"),
        ('camera = "/dev/v4l/by-id"', "write a camera"),
        ('camera = "/dev/v4l/by-id/../../sda"', "write a camera"),
        ('camera = "/dev/v4l/../sda"', "write a camera"),
        ('camera = "/dev/shm/a"', "write a camera"),
        ('camera = "/dev/v4l/by-path/pci-0:1-video-index0"', "without : in the name of a device"),
        ("camera = 0", "write a camera"),
        ('camera = "rtsp://h/x"\n[service]\nnetwork = "none"', "service.network is none"),
    ],
)
def test_wrong_cameras(folder: Path, text: str, expected: str) -> None:
    message = refused(folder, text)
    assert expected in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[health]\ncommand = ["python3", "health.py"]', "health.command runs health.py, which is"),
        ('command = ["python3", "main.py"]', "command runs main.py, which is not there"),
        ('wheels = "app.py"', "wheels names app.py, which is no folder"),
        ("max_mb = 1" + "0" * 5000, "is not TOML: a number is too long; correct it"),
        ('[service]\nnetwork = "none"\nports = ["1:1"]', 'line 2: service.network is "none", on'),
    ],
)
def test_what_could_not_be_started_or_reached(folder: Path, text: str, expected: str) -> None:
    assert expected in refused(folder, text)


def test_how_packages_without_a_wheel_are_built(folder: Path) -> None:
    assert settings.load(folder).build == settings.Build()
    text = '[build]\ndebian = ["b-dev", "a-dev"]\nrequires = ["numpy", "cython<3"]\n'
    more = 'constraints = ["setuptools<60,>=40"]\ntimeout_s = 60\nmemory_mb = 512\n'
    (folder / "jetson.toml").write_text(text + more, encoding="utf-8")
    build = settings.load(folder).build
    assert (build.debian, build.requires) == (("a-dev", "b-dev"), ("cython<3", "numpy"))
    assert (build.constraints, build.timeout_s, build.memory_mb) == (
        *(("setuptools<60,>=40",), 60, 512),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("debian = 'a-dev'", 'build.debian is "a-dev", write a list of Debian packages'),
        ("debian = ['a; rm']", 'build.debian[0] is "a; rm", write the name of a Debian package'),
        (
            "constraints = ['setuptools']",
            'build.constraints[0] is "setuptools", write a requirement',
        ),
        ("requires = ['-e .']", 'build.requires[0] is "-e .", write a requirement'),
        ("requires = ['x @ file:///etc']", "write a requirement"),
        ("timeout_s = 0", "build.timeout_s is 0, write a whole number of seconds"),
        ("memory_mb = 8", "build.memory_mb is 8, write how many megabytes"),
        ("debain = []", "build.debain is no key of jetson.toml, did you mean debian?"),
    ],
)
def test_a_fault_of_build_has_its_line(folder: Path, line: str, expected: str) -> None:
    result = refused(folder, f"[build]\n{line}\n")
    assert expected in result
    assert "line 2: " in result


def test_settings_as_windows_writes_them(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    text = 'name = "door"\r\n'
    (tmp_path / "jetson.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert settings.load(tmp_path).name == "door"
    (tmp_path / "jetson.toml").write_bytes(text.encode("utf-16"))
    with pytest.raises(BadInputError, match="is not UTF-8, as TOML is") as caught:
        settings.load(tmp_path)
    assert "codec" not in caught.value.line()
    (tmp_path / "jetson.toml").unlink()
    os.mkfifo(tmp_path / "jetson.toml")
    with pytest.raises(BadInputError, match="is no regular file"):
        settings.load(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        '["python3", "main.py", "out.py"]',
        '["sh", "-c", "x.py"]',
        '["python3", "-m", "mod", "o.py"]',
    ],
)
def test_only_the_program_of_a_command_has_to_be_there(tmp_path: Path, command: str) -> None:
    (tmp_path / "main.py").touch()
    (tmp_path / "jetson.toml").write_text(f"command = {command}\n")
    settings.load(tmp_path)


def test_all_secrets_are_named_with_their_lines(folder: Path) -> None:
    text = (
        'command = ["python3", "app.py", "rtsp://me:geheim@cam/1"]\n[health]\n'
        'command = ["x", "mqtt://:geheim@h"]\n[environment]\n'
        'MQTT_PASSWORD = "geheim"\nDATABASE_URL = "postgres://u:geheim@h/db"\n'
        'SIGNING_KEY = "geheim"\nREDIS = "redis://h:6379/0"\nHOST = "http://[::1]:80/a@b"\n'
        'KEY = "a"\nUSER_AT = "ssh://me@host"\n'
    )
    line = refused(folder, text)
    named = re.findall(r"line (\d+): (\S+) (?:looks like a secret|is an address with)", line)
    assert named == [
        ("1", "command[2]"), ("3", "health.command[1]"), ("5", "environment.MQTT_PASSWORD"),
        ("6", "environment.DATABASE_URL"), ("7", "environment.SIGNING_KEY"),
    ]  # fmt: skip
    assert "geheim" not in line


@pytest.mark.parametrize(
    "line",
    [
        'command = ["sh", "-c", "exec ./x rtsp://$USER:$PASSWORD@10.0.0.5/1"]',
        'command = ["sh", "-c", "exec ./x rtsp://${USER}:${PASSWORD}@10.0.0.5/1"]',
        'command = ["sh", "-c", "exec ./x rtsp://${USER:-me}:${PASSWORD:?is not set}@h/1"]',
        'command = ["sh", "-c", "exec ./x rtsp://me:$(cat /run/secrets/it)@h/1"]',
        'environment.URL = "rtsp://{user}:{password}@{host}/1"',
        'environment.URL = "rtsp://%(user)s:%(password)s@h/1"',
        'environment.URL = "rtsp://me:{{password}}@h/1"',
        'environment.URL = "rtsp://me:${A:-${B}}${C}@h/1"',
        'environment.URL = "rtsp://me:$$PASSWORD@h/1"',
        'environment.URL = "rtsp://%s:%s@h/1"',
        'environment.URL = "rtsp://<user>:<password>@h/1"',
        'environment.URL = "rtsp://me:$(f(x))@h/1"',
        'environment.URL = "rtsp://me:$(f(x)$(g))@h/1"',
        """environment.URL = "rtsp://me:{d.get('x',{})}@h/1\"""",
        'environment.URL = "rtsp://me:$env:PASSWORD@h/1"',
        'environment.URL = "rtsp://me:%(password)d@h/1"',
        'environment.URL = "rtsp://me:%r@h/1"',
        'environment.URL = "http://h:8080?to=a@b.c"',
        'environment.URL = "http://h:8080#a@b.c"',
        'environment.URL = "http://h?at=1:2@b"',
        'environment.TLS_PRIVATE_KEY = "/run/secrets/tls.key"',
        'environment.PROXY_SIGNING_KEY = "/run/secrets/key"',
        'environment.TOKEN = "file:///run/secrets/token"',
    ],
)
def test_what_only_says_where_a_secret_comes_from(folder: Path, line: str) -> None:
    (folder / "jetson.toml").write_text(f"{line}\n")
    settings.load(folder)


@pytest.mark.parametrize(
    "line",
    [
        'environment.URL = "rtsp://$USER:geheim@h/1"',
        'environment.URL = "rtsp://${USER:-me}:geheim@h/1"',
        'environment.URL = "rtsp://me:%40geheim@h/1"',
        'environment.URL = "rtsp://me:$geheim!1@h/1"',
        'environment.URL = "rtsp://me:${geheim@h/1"',
        'environment.URL = "rtsp://me:{geheim@h/1"',
        'environment.URL = "rtsp://me:<geheim@h/1"',
        'environment.URL = "rtsp://me:$(geheim@h/1"',
        'environment.URL = "rtsp://me:$env:geheim!@h/1"',
        'environment.URL = "rtsp://me:%(geheim@h/1"',
        'environment.URL = "rtsp://me:%dgeheim@h/1"',
        'environment.URL = "rtsp://me:{it}geheim@h/1"',
        'environment.URL = "rtsp://me:geheim?#1@h/1"',
        'environment.URL = "http://me:geheim@h:8080?to=a@b.c"',
        'environment.TOKEN = "/geheim+/geheim="',
        'environment.TOKEN = "geheim/geheim"',
    ],
)
def test_a_secret_beside_a_variable(folder: Path, line: str) -> None:
    assert "give it to the board's container" in refused(folder, line)
