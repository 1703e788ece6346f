"""Against Mosquitto, where it is installed; the arm64 image has no broker."""

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import app
import paho.mqtt.client as mqtt
import pytest

# Debian has it where only root's PATH looks.
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
LIMIT_S = 20
USER, PASSWORD = "door", "not-a-secret"

pytestmark = pytest.mark.skipif(
    not MOSQUITTO, reason="no mosquitto here: apt-get install mosquitto"
)


class Mosquitto:
    """A broker on a port of the loopback, with a password's file, that can be stopped."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        users = folder / "users"
        users.touch(0o600)
        subprocess.run(["mosquitto_passwd", "-b", users, USER, PASSWORD], check=True)
        # As root it changes its user, which may not read this folder.
        owner = "user root\n" if os.geteuid() == 0 else ""
        (folder / "broker.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\n{owner}"
        )

    def start(self):
        command = [MOSQUITTO, "-c", self.folder / "broker.conf"]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise TimeoutError

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(LIMIT_S)


@pytest.fixture
def broker(tmp_path):
    one = Mosquitto(tmp_path)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def variables(broker, tmp_path, monkeypatch):
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    values = {
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "MQTT_USER": USER,
        "MQTT_PASSWORD_FILE": str(password),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def heard(broker):
    """A subscriber of ours; returns a queue of (topic, text)."""
    messages = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(USER, PASSWORD)
    client.on_connect = lambda *_: client.subscribe(f"{app.TOPIC}/#", qos=1)
    client.on_subscribe = lambda *_: messages.put(("subscribed", ""))
    client.on_message = lambda _c, _u, one: messages.put((one.topic, one.payload.decode()))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert messages.get(timeout=LIMIT_S) == ("subscribed", "")
    yield messages
    client.disconnect()
    client.loop_stop()


def start(*words):
    program = Path(app.__file__)
    return subprocess.run(
        [sys.executable, program, *words], capture_output=True, text=True, timeout=120, check=False
    )


def everything(messages):
    found = []
    while not found or found[-1] != (f"{app.TOPIC}/state", app.OFFLINE):
        found.append(messages.get(timeout=LIMIT_S))
    return found


def test_commands_reach_a_subscriber_between_online_and_offline(variables, heard):
    done = start()
    assert done.returncode == 0, done.stderr
    found = everything(heard)
    states = [text for topic, text in found if topic.endswith("/state")]
    assert states == [app.ONLINE, app.OFFLINE]
    commands = [json.loads(text)["command"] for topic, text in found if topic.endswith("/command")]
    assert commands == ["stop", "next", "on"]


def test_what_is_published_while_the_broker_is_away_arrives_later(broker, variables, heard):
    ours = app.Broker("127.0.0.1", broker.port)
    try:
        assert heard.get(timeout=LIMIT_S) == (f"{app.TOPIC}/state", app.ONLINE)
        broker.stop()
        waits = ours.publish({"command": "stop"})
        acknowledged = queue.Queue()
        ours._client.on_publish = lambda _client, _data, number, *_: acknowledged.put(number)
        broker.start()
        while acknowledged.get(timeout=LIMIT_S) != waits.mid:
            pass
    finally:
        ours.close()


def test_a_process_that_dies_is_offline_by_its_will(broker, variables, heard):
    program = f"import app, time; app.Broker('127.0.0.1', {broker.port}); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(app.__file__).parent)
    assert heard.get(timeout=LIMIT_S) == (f"{app.TOPIC}/state", app.ONLINE)
    child.kill()
    child.wait(LIMIT_S)
    assert heard.get(timeout=LIMIT_S) == (f"{app.TOPIC}/state", app.OFFLINE)


def test_a_wrong_password_is_said_and_the_camera_goes_on(broker, variables, tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    done = start()
    assert done.returncode == 0
    assert "Not authorized" in done.stdout
    assert "Open_Palm, stop" in done.stdout


def test_a_password_file_that_is_not_there_is_one_line(variables, tmp_path):
    (tmp_path / "password").unlink()
    done = start()
    assert done.returncode == 1
    assert done.stderr.startswith("error: the broker's settings:")
    assert len(done.stderr.splitlines()) == 1
