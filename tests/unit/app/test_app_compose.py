"""compose.yaml of an application: judged by the Compose Specification's schema, read as YAML."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ruamel.yaml import YAML

from jetson_kit.app import service, settings
from jetson_kit.app.settings import App
from jetson_kit.build import compose, image_config
from jetson_kit.core.errors import BadInputError
from jetson_kit.service import contract as table

SCHEMA = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
Maker = Callable[[str], App]
# YAML 1.1, which PyYAML reads, and 1.2, which Compose's parser reads, differ on bare words.
READERS = (yaml.safe_load, YAML(typ="safe").load)


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    folder = tmp_path / "door"
    folder.mkdir()
    (folder / "app.py").write_text("")

    def made(toml: str) -> App:
        (folder / "jetson.toml").write_text(toml, encoding="utf-8")
        return settings.load(folder)

    return made


def read(app: App) -> dict[str, Any]:
    """Return compose.yaml as both YAMLs read it, valid by the schema."""
    text = compose.text(app, "mediapipe-jetson:r36.4.4-door")
    documents: list[dict[str, Any]] = [reader(io.StringIO(text)) for reader in READERS]
    assert documents[0] == documents[1] == compose.document(app, "mediapipe-jetson:r36.4.4-door")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(documents[0])
    return documents[0]


FULL = """
[service]
devices = ["/dev/video0", "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"]
ports = ["8080:80", "127.0.0.1:53:53/udp"]
volumes = ["/var/lib/door:/data", "/etc/door:/config:ro"]
[health]
command = ["python3", "-c", "print('$HOME')"]
interval_s = 90
"""


def test_the_container_is_the_one_of_the_table(make: Maker) -> None:
    app, own = make(FULL), table.load()
    row = read(app)["services"]["app"]
    assert "command" not in row
    assert (row["container_name"], row["user"], row["restart"]) == (own.name, own.user, own.restart)
    assert (row["runtime"], row["init"], row["read_only"]) == ("nvidia", True, True)
    assert (row["cap_drop"], row["security_opt"]) == (["ALL"], ["no-new-privileges"])
    assert (row["mem_limit"], row["pids_limit"]) == (own.memory, own.pids_limit)
    assert row["tmpfs"] == ["/tmp:size=256m,mode=1777"]
    assert row["environment"] == dict(own.nvidia_environment)
    assert row["logging"] == {"driver": own.log_driver, "options": dict(own.log_options)}
    assert row["network_mode"] == "bridge"


def test_the_three_ways_name_the_same_of_the_board(make: Maker) -> None:
    app = make(FULL)
    row = read(app)["services"]["app"]
    line = service.run_line(app, "it:1")
    for option, key in (("device", "devices"), ("publish", "ports")):
        options = [f"--{option}={value}" for value in row[key]]
        assert set(options) <= set(service.variables(app)["service_extra_options"])
        assert all(word in line for word in options)
    binds = [(volume["source"], volume["target"], volume["read_only"]) for volume in row["volumes"]]
    assert binds == [
        *((folder.source, folder.target, False) for folder in table.load().folders),
        ("/var/lib/door", "/data", False),
        ("/etc/door", "/config", True),
    ]
    assert not any(volume["bind"]["create_host_path"] for volume in row["volumes"])


def test_the_health_check_is_the_images(make: Maker) -> None:
    app = make(FULL)
    health = read(app)["services"]["app"]["healthcheck"]
    image = image_config.settings({}, app)["Healthcheck"]
    assert [word.replace("$$", "$") for word in health["test"]] == image["Test"]
    assert health["test"][-1] == "print('$$HOME')"
    assert (health["interval"], health["retries"]) == ("90s", image["Retries"])


def test_groups_are_variables_whose_message_says_how(make: Maker) -> None:
    app = make(FULL)
    groups = read(app)["services"]["app"]["group_add"]
    assert groups[0] == "${GID_1_NVMAP:?set it to what this prints: stat -L -c %g /dev/nvmap}"
    assert groups[1].endswith("stat -L -c %g /dev/video0}")
    head = compose.text(app, "it:1").partition("\nname")[0]
    assert all(f'"{name}=$(stat -L -c %g {node})"' in head
               for name, node in compose.group_variables(app).items())  # fmt: skip
    # The schema, which Compose asks after it has put the values in, refuses equal entries.
    filled = ["44" if group.startswith("$") else f"{group.partition('$')[0]}44" for group in groups]
    assert len(set(filled)) == len(filled)
    assert {int(item) for item in filled} == {44}


def test_devices_whose_names_differ_in_signs_alone(make: Maker) -> None:
    app = make('[service]\ndevices = ["/dev/a-b", "/dev/a_b", "/dev/a.b", "/dev/2", "/dev/-"]')
    assert len(compose.group_variables(app)) == 6
    assert len(set(read(app)["services"]["app"]["group_add"])) == 6


def test_a_network_on_which_no_port_is_published(make: Maker) -> None:
    row = read(make('[service]\nnetwork = "host"\nports = ["80:80"]'))["services"]["app"]
    assert row["network_mode"] == "host"
    assert "ports" not in row


@pytest.mark.parametrize("name", ["on", "null", "no", "1e3", "0o17", "12", "0x1f", "1-2", "y"])
def test_names_that_yaml_would_read_as_something_else(make: Maker, name: str) -> None:
    document = read(make(f'name = "{name}"\n[health]\ncommand = ["{name}", "~", "1:2", "- a"]'))
    assert document["name"] == name
    assert document["services"]["app"]["healthcheck"]["test"][1:] == [name, "~", "1:2", "- a"]


@pytest.mark.parametrize(
    "folder",
    ["/a b", "/it's", '/say "x"', "/back\\slash", "/#x", "/{a}", "/é\U0001f600", "/\ufeff", "/on"],
)
def test_folders_of_any_name(make: Maker, folder: str) -> None:
    app = make("[service]\nvolumes = [" + json.dumps(f"{folder}:/data", ensure_ascii=False) + "]")
    assert read(app)["services"]["app"]["volumes"][-1]["source"] == folder


def test_a_dollar_is_no_variable_of_compose(make: Maker) -> None:
    row = read(make("[service]\nvolumes = ['/srv/$HOME/${X}:/a$b']"))["services"]["app"]
    volume = row["volumes"][-1]
    assert (volume["source"], volume["target"]) == ("/srv/$$HOME/$${X}", "/a$$b")


@pytest.mark.parametrize(
    ("service_table", "expected"),
    [
        ('ports = ["80:80",\n "80:80"]', 'service.ports[1] is "80:80", write another port: 80'),
        ('ports = ["80:80", "127.0.0.1:80:81"]', "80 is taken above"),
        ('ports = ["0:80"]', "BOARD:APPLICATION"),
        ('ports = ["70000:80"]', "write ports up to 65535"),
        ('ports = ["300.0.0.1:80:80"]', "an address of the board"),
        ('devices = ["/dev/video0", "/dev//video0"]', "write each device once"),
        ('devices = ["/dev/video0:/dev/video1"]', "write a device of the board below /dev"),
        ('devices = ["/dev/video 0"]', "write a device of the board below /dev"),
        ('devices = ["/dev/$(id)"]', "write a device of the board below /dev"),
        ('volumes = ["/a:/data", "/b:/data/"]', "another folder in the image: /data is taken"),
        ('volumes = ["/a:/tmp"]', "/tmp is taken"),
        ('volumes = ["/a://"]', "a folder below / in the image"),
        ('volumes = ["/a:b:/data"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
        ('volumes = ["/a:/b:/data"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
        ('volumes = ["/a:/data:rw,exec"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
        ('volumes = ["/a:/data\\n"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
        ('volumes = ["/a\\u2028b:/data"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
        ('ports = ["80:80\\n"]', "BOARD:APPLICATION"),
        ('ports = ["\uff11.1.1.1:80:80"]', "BOARD:APPLICATION"),
        ('devices = ["/dev/video0\\n"]', "below /dev"),
        ('network = "host\\n"', "one of none, bridge, host"),
        ('volumes = ["/a\\n:/data"]', "FOLDER_OF_THE_BOARD:FOLDER_IN_THE_IMAGE"),
    ],
)
def test_what_no_container_starts_with_is_refused(
    make: Maker, service_table: str, expected: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        make(f"[service]\n{service_table}")
    assert expected in caught.value.line()
    assert "line 2: " in caught.value.line()
    assert "\n" not in caught.value.line()


def test_ports_that_only_look_alike_are_taken(make: Maker) -> None:
    app = make('[service]\nports = ["53:53/udp", "53:53", "127.0.0.1:80:80", "127.0.0.2:80:80"]')
    assert len(read(app)["services"]["app"]["ports"]) == 4
