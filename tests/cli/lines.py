"""Command lines made at random from all tasks and their options: the same seed, the same lines."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import tasks
from jetson_kit.command_line import options
from jetson_kit.command_line.arguments import KitTask

LONG = "x" * 100_000
ODD = [
    "", " ", "abc", "-1", "0", "1", "2", "nan", "inf", "-inf", "1e400", "9" * 40, "0x10", "1_000",
    "٣", "None", "true", "../../etc", "/", "/etc/passwd", "a b", "a;b", "$(id)", "`id`", "%s%n",
    "{{ 7*7 }}", "--", "-x", "--help", "a\nb", "a\tb", "\x1b[2Jx", "\x7f", "\udcff\udcfe", "é" * 50,
    "\u202eabc", LONG, ("y" * 300 + "/") * 20, "*", "?", "[", "~", "~nobody", "!", "@", "a=b", "=",
    ",", ",,", "user@host", "-oProxyCommand=x", "36.4.4", "r36", "3.11",
]  # fmt: skip
PATHS = [
    "/dev/zero", "/dev/null", "/dev/full", "/dev/tty", "/proc/self/mem", "/proc/1/x", "/proc/kmsg",
    "/sys/x", "/nonexistent-kit/a/b", "fifo", "fifos", "zeros", "zero", "socket", "loop", "nothing",
    "large", "binary", "empty", "text.txt", "text.txt/below", ".", "..", "cwd", "hosts.yml",
    "hosts.ini", "inventory", "bad.yml", "list.yml", "plan.toml", "bad.toml", "wrong.toml",
    "report.json", "array.json", "deep.json", "reports", "model.tflite", "model.task", "project",
    "a-1.0-py3-none-any.whl", "build", "broken", "key", "new", "new/", "new/deeper", "odd\nname",
    "bytes\udcff.yml", "-dash", "sp ace.json", "n" * 250, "m" * 255, "n" * 256, "/dev/stdout",
]  # fmt: skip
INPUTS = [
    "hosts.yml", "plan.toml", "wrong.toml", "report.json", "array.json", "deep.json", "reports",
    "project", "build", "broken", "inventory", "key", "empty", "binary", "fifos", "zeros", ".",
]  # fmt: skip
WORDS = [
    "face", "hand", "pose", "mediapipe==1.2.2", "jetson-1", "container", "vm", "arm64", "amd64",
    "cpu", "gpu", "quick", "full", "soak", "fp16", "runtime", "emulated", "orin-nano-8gb", "nano",
    "no-such", "net-off", "power-cut-load", "FaceLandmarker", "mediapipe-jetson:no-such", "debian",
    "ngc", "onnx", "store", "10%", "50%", "22:00-05:00", "192.0.2.1", "camera-1", "cameras",
    "sha256:" + "a" * 64, "none", "bridge", "cortex-a76", "dynamic", "nchw", "5000",
]  # fmt: skip
CORE = [
    ["--list"], ["--help"], ["--version"], ["--list", "fleet"], ["--list", "no-such"],
    ["--list-format", "json", "--list"], ["--list-format", "x", "--list"], ["--list-depth", "abc"],
    ["--list-depth", "1", "--list"], ["--help", "build"], ["--help", "no-such"], ["--nothing"],
    ["--print-completion-script", "bash"], ["--print-completion-script", "x"], ["--complete"],
    ["-x"], ["--"], [LONG], ["\udcff"], ["-" + LONG], ["--help", LONG], ["--complete", "--", "x"],
    ["--search-root", "/"], ["-c", "x"], ["--config", "/dev/zero"], ["--command-timeout", "x"],
    ["--prompt-for-sudo-password"], ["--dry"], ["--list-format"], ["--list=fleet"], ["--hide"],
    ["-q"], ["-v", "--list"], ["--quiet", "--verbose"], ["--quiet=1"], ["-qv"], ["--verbose", "--"],
]  # fmt: skip
ENVIRONMENTS: list[dict[str, str | None]] = [
    {"KIT_STATE": "/etc/passwd"}, {"KIT_STATE": "/proc/1/x"}, {"KIT_STATE": LONG},
    {"KIT_CACHE": "/dev/null"}, {"KIT_CACHE": "/proc/1/x"}, {"TMPDIR": "/nonexistent-kit"},
    {"HOME": None}, {"HOME": "/dev/null/home"}, {"LC_ALL": "C"}, {"PATH": None},
    {"COLUMNS": "0"}, {"COLUMNS": "abc"}, {"INVOKE_RUN_ECHO": "x"}, {"DOCKER_HOST": "x://y"},
    {"XDG_CACHE_HOME": "relative", "KIT_CACHE": None},
    {"XDG_STATE_HOME": "/dev/null", "KIT_STATE": None},
]  # fmt: skip
# A line without these would do its work for minutes: the kit's own checks, and benchmarks.
REFUSED = ["", "no-such", LONG, "\udcff", "a\nb"]
ALWAYS = {
    "test.test": ("stage", REFUSED),
    "bench.simulation": ("only", REFUSED),
    "bench.sites": ("sites", REFUSED),
}
# Nothing of it can be refused.
LEFT_OUT = {"bench.report"}
# "/" and ".." are among the folders: it would rewrite the old programs of the kit's own tests.
# A page that is served goes on until it is stopped.
NEVER = {("migrate.migrate", "write"), ("report.html", "serve")}
ENDS = [["--no-such"], ["surplus"], ["--"], ["--", "true"], ["targets"], ["-h"]]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 0.12
SIGNAL_LATEST_S = 1.5
SURPLUS = 0.08
# How often a value is one that does not fit: a line of good ones gets far, one bad one is met late.
BAD = (0.0, 0.0, 0.12, 0.5)
# What fits, by an option's name, where its reader does not tell.
FITTING = {
    "i": ["hosts.yml", "hosts.yml", "inventory", "hosts.ini"],
    "limit": ["camera-1", "cameras", "camera-*", "all", "no-such", "all,!camera-1", "&cameras"],
    "l4t": ["36.4.4", "r36", "jetpack6.2", "r32.7.6", "35", "jetpack5.1.2", "39.2.0"],
    "module": ["orin-nano-8gb", "nano", "xavier-nx", "agx-orin-64gb"],
    "python": ["3.11", "3.13", "3.9"],
    "mediapipe": ["1.2.2", "0.10.18"],
    "version": ["1.2.2", "0.10.18"],
    "base": ["debian", "ngc", "ubuntu:22.04"],
    "image": ["mediapipe-jetson:no-such", "debian:12"],
    "push": ["127.0.0.1:9/x:1"],
    "target": ["build", "broken", "r36.4.4-no-such", "zeros", "fifos"],
    "models": ["face", "hand,pose", "model.tflite", "model.task"],
    "names": ["face", "jetson-1", "mediapipe"],
    "wheels": ["a-1.0-py3-none-any.whl", "mediapipe==1.2.2", "text.txt"],
    "name": ["jetson-1", "cam"],
    "fault": ["net-off", "power-cut"],
    "words": ["jetson-1"],
    "cases": ["power-cut-load"],
    "rows": ["sid"],
    "task": ["FaceLandmarker"],
    "resume": ["20260101-000000"],
    "window": ["22:00-05:00"],
    "canary": ["1", "camera-1", "50%"],
    "batches": ["1", "10%,25%"],
    "scope": ["batch", "rollout"],
    "way": ["archive", "registry"],
    "verify": ["quick", "none"],
    "groups": ["44,104"],
    "hosts": ["1", "1,2"],
    "volume": [".:/app:ro", "/none:/x"],
    "env": ["A=b", "HOME"],
    "network": ["none", "bridge"],
    "cpu": ["cortex-a57", "max"],
    "engine": ["20.10", "28-containerd"],
    "address": ["127.0.0.1"],
    "title": ["Cameras"],
    "why": ["a test"],
}
CHANGED = 0.1


@dataclass(frozen=True)
class Line:
    """A command line, and what its environment has in place of the usual (None: unset).

    `signals` are sent to it, each with the seconds after its start.
    """

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str | None], ...] = ()
    signals: tuple[tuple[float, int], ...] = ()

    def __str__(self) -> str:
        arguments = " ".join(
            repr(word if len(word) < 80 else word[:30] + "...") for word in self.argv
        )
        sent = f" {list(self.signals)}" if self.signals else ""
        return f"{dict(self.environment) or ''} ./inv {arguments}".strip()[:1000] + sent


def make(
    seed: int, count: int, signalled: float = SIGNALLED, latest_s: float = SIGNAL_LATEST_S
) -> Iterator[Line]:
    """Yield `count` command lines, of which a share is sent signals, the first by `latest_s`."""
    chance = random.Random(seed)  # noqa: S311 # no secret
    names = sorted(set(tasks.ns.task_names) - LEFT_OUT)
    for number in range(count):
        # All tasks come equally often.
        name = names[(number + seed) % len(names)]
        if chance.random() < 0.06:
            arguments = [
                *chance.choice(CORE),
                *(_words(chance, name) if chance.random() < 0.3 else []),
            ]
        else:
            arguments = _words(chance, name)
        changed = chance.choice(ENVIRONMENTS) if chance.random() < CHANGED else {}
        yield Line(tuple(arguments), tuple(changed.items()), _signals(chance, signalled, latest_s))


def _signals(
    chance: random.Random, signalled: float, latest_s: float
) -> tuple[tuple[float, int], ...]:
    if chance.random() >= signalled:
        return ()
    first = round(chance.random() ** 2 * latest_s, 3)
    times = [first, first + 0.05][: chance.randint(1, 2)]
    return tuple((time, chance.choice(SIGNALS)) for time in times)


def _words(chance: random.Random, name: str) -> list[str]:
    """Return a task's name with some of its options."""
    task: KitTask = tasks.ns[name]
    arguments = [name]
    # A collection's own task has two names: ./inv test is ./inv test.test.
    whole = name if "." in name else f"{name}.{name}"
    bad = chance.choice(BAD)
    required = set(task.positional) - {task.variadic}
    for argument in sorted(task.get_arguments(), key=lambda item: item.names[0]):
        own = str(argument.name).replace("-", "_")
        forced = ALWAYS.get(whole, ("", []))
        if own == forced[0]:
            arguments += [f"--{argument.names[0]}", chance.choice(forced[1])]
        elif (whole, own) in NEVER:
            continue
        elif argument.kind is bool:
            arguments += [f"--{argument.names[0]}"] if chance.random() < 0.25 else []
        elif argument.positional or own == task.variadic:
            often = 0.9 if own in required else 0.5
            count = 1 if own in required else chance.randint(1, 3)
            if chance.random() < often:
                arguments += [_value(chance, task, own, bad) for _ in range(count)]
        elif chance.random() < 0.3:
            arguments += _option(chance, argument.names[0], _value(chance, task, own, bad))
    if chance.random() < SURPLUS:
        arguments += chance.choice(ENDS)
    if chance.random() < SURPLUS:
        arguments = arguments[:-1] or arguments
    return arguments


def _option(chance: random.Random, flag: str, value: str) -> list[str]:
    dashed = f"{'-' if len(flag) == 1 else '--'}{flag}"
    if chance.random() < 0.05:
        return [dashed]
    if len(flag) > 1 and chance.random() < 0.3:
        return [f"{dashed}={value}"]
    return [dashed, value] * (2 if chance.random() < 0.03 else 1)


def _value(chance: random.Random, task: KitTask, name: str, bad: float) -> str:
    """Return a value of an option: one that fits, or, as often as `bad` says, one that may not."""
    reader = task.readers.get(name)
    if chance.random() < bad:
        return chance.choice(chance.choice([PATHS, ODD, ODD, WORDS]))
    if name in FITTING:
        fitting = FITTING[name]
    elif isinstance(reader, options.Choice):
        fitting = list(reader.words)
    elif isinstance(reader, options.Integer):
        fitting = [str(number) for number in (reader.least, reader.most, 1, 2, 3)]
    elif isinstance(reader, options.Number):
        fitting = ["1", "2.5", f"{reader.least:g}", f"{reader.most:g}"]
    elif isinstance(reader, options.InputFile | options.Folder | options.FileOrFolder):
        fitting = INPUTS
    elif isinstance(reader, options.OutputFile | options.OutputFolder):
        fitting = ["new", "new", "new", "text.txt", "build"]
    else:
        fitting = WORDS
    return chance.choice(fitting)
