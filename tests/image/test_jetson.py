"""The default Jetson image, as the engine runs it."""

from __future__ import annotations

import json
import subprocess
import time

import jsonschema
import pytest

from jetson_kit.build import manifest
from jetson_kit.targets import table as targets
from tests.image.kit import NEEDS, Image, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]


def test_manifest_and_engine_agree(jetson: Image) -> None:
    jsonschema.Draft202012Validator(manifest._schema()).validate(jetson.manifest)
    printed = inv("build", "--jetson", "--json", "--output", str(jetson.folder))
    assert json.loads(printed.stdout) == json.loads((jetson.folder / "manifest.json").read_text())
    seen = jetson.inspect()
    assert seen["Architecture"] == "arm64" == jetson.manifest["image"]["architecture"]
    assert seen["RootFS"]["Layers"] == jetson.diff_ids
    assert seen["Id"] == jetson.id == jetson.manifest["archive"]["config"]
    assert seen["Size"] == jetson.manifest["image"]["size"]
    assert sorted(path.name for path in jetson.folder.iterdir()) == sorted(
        ["manifest.json", "sbom.cdx.json", jetson.archive.name]
    )


def test_size(jetson: Image) -> None:
    assert jetson.archive.stat().st_size <= 130e6
    assert jetson.manifest["image"]["size"] <= 400e6


def test_configuration(jetson: Image) -> None:
    config = jetson.inspect()["Config"]
    assert config["User"] == "10001:10001"
    assert "NVIDIA_VISIBLE_DEVICES=all" in config["Env"]
    assert "NVIDIA_DRIVER_CAPABILITIES=all" in config["Env"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Healthcheck"]["Interval"] == 30 * 10**9
    assert config["Healthcheck"]["Retries"] == 3


def test_labels(jetson: Image) -> None:
    labels = jetson.inspect()["Config"]["Labels"]
    plan = jetson.manifest["plan"]
    own = {k.removeprefix("io.mediapipe-jetson."): v for k, v in labels.items()}
    assert own["target"] == targets.load().default.name == plan["name"]
    assert own["jetpack"] == targets.load().default.jetpack
    assert own["socs"] == " ".join(plan["socs"])
    assert own["tier"] == targets.load().default.tier
    assert own["variant"] == "runtime"
    assert own["mediapipe"] == plan["mediapipe"]["version"]
    assert own["wheel.sha256"] == jetson.manifest["wheel"]["sha256"]
    assert own["gpu"] == "gpu"
    assert own["python"] == "3.11"
    assert dict(row.split("@") for row in own["models"].split()) == {
        name: digest[:12] for name, digest in jetson.manifest["models"].items()
    }
    for name in ("title", "version", "licenses", "base.name"):
        assert labels[f"org.opencontainers.image.{name}"]


def test_nothing_is_compiled_when_programs_start(jetson: Image) -> None:
    code = (
        "import cv2, numpy, mediapipe_jetson.first_start, mediapipe_jetson.inference\n"
        "from mediapipe.tasks.python import vision\n"
        "import os, sys\n"
        "for name, module in sorted(sys.modules.items()):\n"
        "    cached = getattr(module, '__cached__', None)\n"
        "    if cached and not os.path.exists(cached):\n"
        "        print(name)\n"
    )
    done = jetson.run("python3", "-c", code)
    assert (done.stdout, done.returncode) == ("sitecustomize\n", 0), done.stderr


def test_the_images_own_python_compiles_to_the_same(jetson: Image) -> None:
    code = (
        "import glob, importlib.util, marshal\n"
        "found = sorted(glob.glob('/usr/lib/python3*/**/*.pyc', recursive=True)\n"
        "    + glob.glob('/opt/mediapipe/lib/**/*.pyc', recursive=True))[::15]\n"
        "for path in found:\n"
        "    source = importlib.util.source_from_cache(path)\n"
        "    with open(path, 'rb') as ours, open(source, 'rb') as text:\n"
        "        head = ours.read(16)\n"
        "        if head[4] != 3:\n"
        "            continue  # a wheel's own\n"
        "        code = compile(text.read(), '', 'exec', dont_inherit=True)\n"
        "        assert ours.read() == marshal.dumps(code, 2), path\n"
        "print(len(found))\n"
    )
    done = jetson.run("python3", "-c", code, options=("--env", "PYTHONHASHSEED=0"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_it_runs_with_the_least_rights(jetson: Image) -> None:
    done = jetson.run("info", "--json")
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert (
        info["packages"]["versions"]["mediapipe"] == jetson.manifest["plan"]["mediapipe"]["version"]
    )
    who = "import os, platform; print(os.getuid(), os.getgid(), platform.machine())"
    assert jetson.run("python3", "-c", who).stdout == "10001 10001 aarch64\n"
    write = jetson.run("python3", "-c", "open('/opt/x', 'w')")
    assert "Read-only file system" in write.stderr


def test_health_check_passes_in_a_container(jetson: Image) -> None:
    done = jetson.health("cortex-a76")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stdout


def test_entry_point(jetson: Image) -> None:
    unknown = jetson.run("no-such-program")
    assert unknown.returncode == 127
    assert unknown.stderr.startswith("error: no program 'no-such-program'")
    assert unknown.stderr.count("\n") == 1
    assert jetson.run("python3", "-c", "raise SystemExit(9)").returncode == 9
    assert jetson.run("sh", "-c", "echo $0 $1", "a b").stdout == "a b\n"


def test_a_program_gets_the_signals(jetson: Image) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    name = "mediapipe-jetson-test-signal"
    docker("rm", "-f", name)
    docker(
        *("run", "-d", "--platform", "linux/arm64", "--name", name, jetson.id),
        *("python3", "-c", program),
    )
    try:
        until = time.monotonic() + 30
        while "ready" not in docker("logs", name).stdout and time.monotonic() < until:
            time.sleep(0.2)
        assert docker("stop", "-t", "20", name).returncode == 0
        # Killed at the limit it would be 137.
        assert docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout == "42\n"
    finally:
        docker("rm", "-f", name)


@pytest.mark.parametrize("command", ["info", "selftest", "healthcheck"])
def test_a_cpu_that_is_too_old_is_no_traceback(jetson: Image, command: str) -> None:
    done = jetson.run(command, options=("-e", "QEMU_CPU=cortex-a57"))
    assert "Traceback" not in done.stdout + done.stderr
    if command == "selftest":
        assert done.returncode
        assert len(done.stderr.strip().splitlines()) <= 1


def test_first_start_is_told_truly(jetson: Image) -> None:
    first = jetson.manifest["first_start"]
    assert (first["how"], first["cpu"]) == ("emulated", "cortex-a76")
    assert first["inference"] == "ok"
    tested = first["selftest"]
    assert (tested["verdict"], tested["landmarks"], tested["cpu"]) == ("pass", 478, "Cortex-A76")
    assert tested["emulated"]
    assert first["distributions"] == jetson.manifest["python"]


WITHOUT_CPUINFO = (
    (("selftest",), 11),
    (("verify",), 11),
    (("run", "--source", "/dev/null"), 11),
    (("bench",), 11),
    (("healthcheck",), 1),
)


def test_without_an_arm_cpuinfo_the_reason_is_one_line(jetson: Image) -> None:
    """QEMU from 8.2 shows Arm cores by itself: there it infers."""
    options = ("-e", "QEMU_CPU=cortex-a76")
    if "CPU implementer" in jetson.run("cat", "/proc/cpuinfo", options=options).stdout:
        assert jetson.run("selftest", "--frames", "1", options=options).returncode == 0
        return
    for command, code in WITHOUT_CPUINFO:
        done = jetson.run(*command, options=options)
        assert done.returncode == code, command
        (line,) = (done.stdout + done.stderr).strip().splitlines()
        assert "/proc/cpuinfo is that machine's" in line
        assert "./inv emulate IMAGE -- COMMAND" in line


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["alone", "init"])
def test_a_fatal_signal_ends_the_container(jetson: Image, options: tuple[str, ...]) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    assert jetson.run("python3", "-c", program, options=options).returncode == 139


def test_process_1_reaps_orphans(jetson: Image) -> None:
    script = "(sleep 0.1 &) ; sleep 1; cat /proc/[0-9]*/stat"
    listed = jetson.run("sh", "-c", script).stdout.splitlines()
    assert listed[0].startswith("1 (")
    assert not [line for line in listed if line.rpartition(") ")[2].startswith("Z")]


def test_no_container_is_left() -> None:
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", "label=io.mediapipe-jetson.started-by"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""
