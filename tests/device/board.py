"""One host of the inventory: what it is asked once, and how a difference is reported."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn, Protocol

import jsonschema
import pytest
from mediapipe_jetson.verify.report import parse

from jetson_kit.service import container_facts
from jetson_kit.service import contract as service
from jetson_kit.service.container_facts import Seen
from jetson_kit.service.expectation import Expectation
from jetson_kit.wheels.device_wheel import SOURCE

CSV = "/etc/nvidia-container-runtime/host-files-for-container.d"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SCHEMA = SOURCE / "src" / "mediapipe_jetson" / "data" / "verify.schema.json"
LARGEST = 8 << 20
START = "start the service: fleet.provision, or docker run as jetson_kit/service/service.toml says"
PROVISION = "provision it: ./inv fleet.provision -i INVENTORY --limit {host}; or " + START
PROGRAM = "/usr/local/sbin/mediapipe-image"
VARIANT = "io.mediapipe-jetson.variant"
RENAMED = "NVIDIA Tegra Orin (nvgpu)/integrated"
# Mesa compiles the graph's shaders in half the time if it does not optimize them; that changes no
# result, and is most of the time where the processor is emulated.
IN_SOFTWARE = {"force_gl_renderer": RENAMED, "GALLIVM_PERF": "nopt"}
# Leaves a report whose claims are others than its observations give.
EDIT = """
import json, sys
made = json.load(open(sys.argv[1]))
made["verdict"] = made["expected"] = sys.argv[3]
made["as_expected"] = True
for task in made["tasks"].values():
    task["verdict"] = task["rule"] = sys.argv[3]
json.dump(made, open(sys.argv[2], "w"))
"""


def fail(what: str, lines: Iterable[str] = (), remedy: str = "") -> NoReturn:
    """Fail with the evidence, a line each, and the remedy."""
    pytest.fail("\n  ".join([what, *lines, *([f"-> {remedy}"] if remedy else [])]), pytrace=False)


def nothing(what: str, differences: list[str], remedy: str) -> None:
    """Fail unless there is no difference."""
    if differences:
        fail(what, differences, remedy)


class Ran(Protocol):
    """What a command on a host gave."""

    rc: int
    stdout: str
    stderr: str


class Host(Protocol):
    """What is used of testinfra's host, which has no types."""

    backend: Any
    ansible: Any

    def run(self, command: str) -> Ran:
        """Run a command of the host's shell."""


@dataclass(frozen=True)
class Verified:
    """One run of verify in a container, its report and the host's clock around it."""

    code: int
    report: Mapping[str, Any]
    text: str
    begun_s: float
    ended_s: float

    def evidence(self) -> list[str]:
        """Return what a person needs to see why: rule, reason, what was missing, the remedy."""
        lines = [f"{self.report['verdict']} [{self.report['rule']}] {self.report['reason']}"]
        for name, task in self.report["tasks"].items():
            lines.append(f"{name}: {task['verdict']} [{task['rule']}] {task['reason']}")
            lines += [f"  missing: {item}" for item in task["missing"]]
            lines += [f"  -> {task['remedy']}"] if task["remedy"] else []
        return lines


class Board:
    """A host; every observation is made once, and its failure is reported each time."""

    def __init__(self, host: Host, expected: Expectation) -> None:
        self.host = host
        self.expected = expected

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command on the host; return exit code, standard output and error."""
        done = self.host.run(shlex.join(arguments))
        return done.rc, done.stdout, done.stderr

    def must(self, what: str, *arguments: str, remedy: str = "") -> str:
        """Run a command that must succeed; return its standard output."""
        code, out, err = self.run(*arguments)
        if code:
            lines = (err or out).strip().splitlines()
            fail(f"{what}: {lines[-1] if lines else f'exit code {code}'}", remedy=remedy)
        return out

    @cached_property
    def unreachable(self) -> str:
        """Return why no command can be run there, or an empty string."""
        try:
            done = self.host.run("true")
        except RuntimeError as error:
            output = getattr(error.args[0], "stderr", str(error)) if error.args else str(error)
            lines = [line.strip() for line in output.splitlines() if line.strip()]
            return f"cannot reach {self.expected.host}: {lines[-1] if lines else 'no reason given'}"
        return f"{self.expected.host} runs no command" if done.rc else ""

    @cached_property
    def engine(self) -> dict[str, Any]:
        """Return what `docker info` says."""
        raw = self.must(
            "Docker does not answer", "docker", "info", "--format", "{{json .}}",
            remedy="install Docker, and let this user use it (group docker, or ansible_become)",
        )  # fmt: skip
        document: dict[str, Any] = json.loads(raw)
        if document.get("ServerErrors"):
            fail("Docker does not answer", map(str, document["ServerErrors"]))
        return document

    @cached_property
    def device(self) -> service.Device:
        """Return what decides how the container must run here."""
        own = service.load()
        listing = self.host.run(service.nodes_command(self.expected.extra.nodes)).stdout
        return service.Device(
            own.nvidia_runtime in self.engine["Runtimes"], service.groups_of(listing)
        )

    @property
    def service(self) -> service.Service:
        """Return the service as it must be here."""
        return self.expected.service

    @cached_property
    def inspect(self) -> dict[str, Any]:
        """Return `docker inspect` of the running container."""
        name = self.expected.container
        code, out, _ = self.run("docker", "inspect", "--type", "container", name)
        if code and self.host.run(f"test -e {PROGRAM}").rc:
            host = self.expected.host
            what = f"there is no container {name}: the board is not provisioned"
            fail(what, remedy=PROVISION.format(host=host))
        if code:
            fail(f"there is no container {name}", remedy=START)
        result: dict[str, Any] = json.loads(out)[0]
        state = result["State"]
        if not state["Running"] or state["Restarting"]:
            logged = self.host.run(f"docker logs --tail 5 {shlex.quote(name)} 2>&1").stdout
            lines = [f"{state['Status']}, exit code {state['ExitCode']} {state['Error']}".strip()]
            fail(f"the container {name} does not run", lines + logged.splitlines(), START)
        return result

    @cached_property
    def image(self) -> dict[str, Any]:
        """Return `docker image inspect` of the container's image."""
        raw = self.must("the image is gone", "docker", "image", "inspect", self.inspect["Image"])
        result: dict[str, Any] = json.loads(raw)[0]
        return result

    @cached_property
    def seen(self) -> Seen:
        """Return all that was observed of the container."""
        first = self.must("no first process", "cat", f"/proc/{self.inspect['State']['Pid']}/status")
        probe = self.exec("python3", "-c", container_facts.PROBE)
        rows = self.host.run(f"cat {CSV}/*.csv 2>/dev/null").stdout
        return Seen(
            inspect=self.inspect,
            image=self.image,
            status=container_facts.status(first),
            probe=json.loads(probe),
            injected=container_facts.injected(rows),
        )

    def exec(self, *arguments: str) -> str:
        """Run a command in the container, which must succeed."""
        name = str(self.inspect["Id"])
        return self.must(f"in the container: {arguments[0]}", "docker", "exec", name, *arguments)

    @property
    def folder(self) -> str:
        """Return the folder of the reports in the container."""
        place = self.service.reports
        return place.target if place else "/tmp"

    @cached_property
    def verified(self) -> Verified:
        """Return the run of verify that the verdicts are read from, made once."""
        arguments = ["--level", self.expected.level, "--expect", self.expected.verdict]
        arguments += [word for task in self.expected.tasks for word in ("--task", task)]
        return self.verify("suite.json", arguments)

    @property
    def first(self) -> tuple[str, str]:
        """Return the option for one task: a control need not have all."""
        return "--task", self.expected.tasks[0]

    @cached_property
    def on_cpu(self) -> Verified:
        """Return the run of one task on the CPU."""
        return self.verify("cpu.json", ("--delegate", "cpu", "--expect", "cpu", *self.first))

    @cached_property
    def renamed(self) -> Verified:
        """Return the run of one task's GPU graph by Mesa's rasterizer under NVIDIA's name."""
        arguments = ("--expect", "software", *self.first)
        return self.verify("software.json", arguments, IN_SOFTWARE)

    @property
    def has_software(self) -> bool:
        """Return whether the image has Mesa's drivers."""
        return (self.image["Config"].get("Labels") or {}).get(VARIANT) == "emulated"

    @property
    def patience(self) -> tuple[str, str]:
        """Return the option that says how long each of verify's processes may take."""
        return "--timeout", f"{self.expected.timeout_s:g}"

    def verify(
        self, name: str, arguments: Iterable[str], environment: Mapping[str, str] | None = None
    ) -> Verified:
        """Run verify in the running container; its report must be written anew."""
        path = f"{self.folder}/{name}"
        self.exec("rm", "-f", path)
        variables = [w for k, v in (environment or {}).items() for w in ("--env", f"{k}={v}")]
        command = ["docker", "exec", *variables, self.inspect["Id"], "python3", "-m"]
        command += ["mediapipe_jetson", "verify", "--json", path, *self.patience, *arguments]
        begun = self.clock()
        code, out, err = self.run(*command)
        ended = self.clock()
        raw = self.left(path)
        if not raw:
            fail(f"verify left no report (exit code {code})", (out + err).splitlines()[-3:])
        return Verified(code, checked(raw), out, begun, ended)

    def left(self, path: str) -> str:
        """Return a report in the container, "" where there is none.

        What it has there may be a FIFO, or have no end; so may what it prints.
        """
        few = (
            'docker exec "$0" test -f "$1" && '
            f'docker exec "$0" head -c {LARGEST} "$1" 2>/dev/null | head -c {LARGEST}'
        )
        return self.run("sh", "-c", few, self.inspect["Id"], path)[1]

    def throwaway(
        self, environment: Mapping[str, str], *arguments: str
    ) -> tuple[Verified, list[str]]:
        """Run verify in a container of its own; return its report and its device nodes."""
        own = self.service.throwaway()
        merged = {**own.nvidia_environment, **environment}
        variant = replace(own, command=(), environment={**own.environment, **environment},
                          nvidia_environment=merged)  # fmt: skip
        script = (
            'python3 -c "$0"; python3 -m mediapipe_jetson verify --json /tmp/r.json "$@" '
            ">/tmp/out 2>&1; code=$?; cat /tmp/r.json; exit $code"
        )
        run = ["docker", "run", "--rm"]
        run += service.run_arguments(variant, self.inspect["Image"], self.device)
        begun = self.clock()
        code, out, err = self.run(*run, "sh", "-c", script, container_facts.PROBE,
                                  *self.patience, *arguments)  # fmt: skip
        first, _, rest = out.partition("\n")
        if not first.startswith("{") or not rest.strip():
            fail(f"the control did not run (exit code {code})", err.splitlines()[-3:])
        nodes = set(json.loads(first)["nodes"]) - container_facts.DEVICES
        return Verified(code, checked(rest), out, begun, self.clock()), sorted(nodes)

    def clock(self) -> float:
        """Return the host's time in seconds since 1970."""
        return float(self.must("no clock", "date", "+%s.%N"))


def checked(raw: str) -> dict[str, Any]:
    """Return a report that fits its schema."""
    try:
        document: dict[str, Any] = parse(raw.encode("utf-8", "replace"))
        jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    except (ValueError, RecursionError, jsonschema.ValidationError) as error:
        first = str(error).splitlines()[0]
        fail("the report does not fit its schema", [first], "bring image and kit to one version")
    return document
