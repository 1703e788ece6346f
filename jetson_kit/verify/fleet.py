"""Run the tests of tests/device on every host of an inventory; gather reports and verdicts.

One pytest process a host, several at a time: a host that hangs or is cut off ends alone, what is
observed once for a host stays in one process, and each has an exit code of its own. pytest-xdist
would spread one host's tests over workers, each of which would observe and verify it again.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.ansible_driver import program_environment
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core import ssh, stopping
from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.files import written_aside
from jetson_kit.core.paths import ROOT
from jetson_kit.core.text import counted
from jetson_kit.fleet import check
from jetson_kit.service import expectation
from jetson_kit.service.expectation import Expectation
from jetson_kit.verify import host_results, sudo
from jetson_kit.verify.host_results import STEP, Fleet, HostResult

SUITE = ROOT / "tests" / "device"
# Each waits for its board nearly all of its time.
AT_A_TIME = 8
HOST_LIMIT_S = 7200.0
REACH_LIMIT_S = 30.0
# The inventory's own arguments come after these: ssh takes the first of each.
STRICT, LASTING = " ".join(ssh.STRICT), " ".join(ssh.LASTING)


@dataclass(frozen=True)
class Options:
    """What the inventory's expectations are overruled by; empty means not."""

    tasks: tuple[str, ...] = ()
    level: str = ""

    def arguments(self) -> list[str]:
        """Return pytest's options. Raises BadInputError for what verify does not know."""
        expectation.check_tasks(self.tasks)
        if self.level and self.level not in expectation.LEVELS:
            raise BadInputError(
                f"--level {self.level!r} is not for an inventory",
                f"choose one of {', '.join(expectation.LEVELS)}",
            )
        arguments = [word for task in self.tasks for word in ("--verify-task", task)]
        return arguments + (["--verify-level", self.level] if self.level else [])


def default_folder(path: Path) -> Path:
    """Return dist/reports/NAME for an inventory: hosts.yml is called by its folder."""
    whole = path.absolute()
    name = whole.parent.name if whole.is_file() and whole.stem == "hosts" else whole.stem
    return ROOT / "dist" / "reports" / name


def run(
    path: Path,
    options: Options,
    *,
    limit: str = "",
    folder: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    each: Callable[[HostResult], None] = lambda _: None,
) -> Fleet:
    """Run the suite on every host of the inventory at `path`.

    `say` gets a line when a host is done, of a few hosts also when a part of the suite begins;
    `each` gets a host's result, in the host's own thread.

    A host's earlier report stays until that host is through; then the new one is in its place, or
    none where there is no new one. Raises BadInputError for an inventory or an expectation that is
    wrong, before any host is touched.
    """
    arguments = options.arguments()
    whole = check.without_passwords(path)
    hosts = whole.limited(limit)
    for error in filter(None, (host.unreachable() for host in hosts)):
        raise error
    expected = {host.name: expectation.parse(host.name, host.variables) for host in hosts}
    odd = [host.name for host in hosts if not expectation.NAME.fullmatch(host.name)]
    if odd:
        raise BadInputError(f"{odd[0]!r} can't name a report", "name hosts by letters and digits")
    place = (folder or default_folder(path)).absolute()
    place.mkdir(parents=True, exist_ok=True)

    def verify_host(host: Host) -> HostResult:
        def step(name: str) -> None:
            if len(hosts) <= AT_A_TIME:
                say(f"{time.monotonic() - started:6.1f} s  {host.name}: {name}")

        with tempfile.TemporaryDirectory(prefix="verify-") as own:
            result = _host(host, expected[host.name], rendered, Path(own), arguments, step)
            stopping.check()
            _put(Path(own, f"{host.name}.json"), place)
        each(result)
        taken = f" (took {result.seconds} s)" if result.seconds else ""
        outcome = f"{host.name}: {result.verdict or result.reason}{taken}"
        say(f"{time.monotonic() - started:6.1f} s  {outcome}")
        return result

    begun, started = time.time(), time.monotonic()
    say(f"        verifying {counted(len(hosts), 'host')}, at most {AT_A_TIME} at a time")
    with (
        tempfile.TemporaryDirectory(prefix="verify-inventory-") as name,
        ThreadPoolExecutor(min(AT_A_TIME, len(hosts))) as pool,
    ):
        # testinfra reads variables as they are written.
        rendered = Path(name, "hosts.json")
        whole.write(rendered)
        results = tuple(pool.map(verify_host, hosts))
    return Fleet(default_folder(path).name, place, round(begun, 3), results)


def _put(report: Path, place: Path) -> None:
    """Put a host's report in place of its earlier one; without a new one there is none."""
    if report.exists():
        with written_aside(place / report.name) as aside:
            shutil.copyfile(report, aside)
    else:
        (place / report.name).unlink(missing_ok=True)


def _host(
    host: Host,
    expected: Expectation,
    path: Path,
    own: Path,
    arguments: Sequence[str],
    step: Callable[[str], None],
) -> HostResult:
    """Return the result of a host; `own` is a folder for its report alone."""
    begun = time.monotonic()
    junit = own / "junit.xml"
    with _one_connection(host, own) as shared:
        try:
            reach(host)
            become = sudo.way(host, shared)
        except KitError as error:
            message = error.line().removeprefix("error: ")
            return host_results.unreached(host.name, expected.verdict, message)
        code, message = _pytest(host, path, own, junit, arguments, shared, step, become)
    taken = round(time.monotonic() - begun, 1)
    return host_results.read(host.name, expected, own, junit, code, message, taken)


def reach(host: Host) -> None:
    """Run nothing on a host, over ssh. Raises NetworkError and what else ssh may say."""
    ssh.run(host.address, "true", b"", host.ssh_options(), REACH_LIMIT_S)


@contextlib.contextmanager
def _one_connection(host: Host, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield ssh's options by which all commands of a host share one connection; end it after."""
    option = f"ControlPath={folder}/%C"
    try:
        yield "-o", option
    finally:
        command = ["ssh", "-o", option, *host.ssh_options(), "-O", "exit", "--", host.address]
        subprocess.run(command, capture_output=True, check=False, timeout=REACH_LIMIT_S)


def _pytest(
    host: Host,
    path: Path,
    place: Path,
    junit: Path,
    arguments: Sequence[str],
    shared: tuple[str, str],
    step: Callable[[str], None],
    become: str,
) -> tuple[int, str]:
    command = [sys.executable, "-P", "-m", "pytest", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist"]
    command += [f"--hosts=ansible://{host.name}", f"--ansible-inventory={path}"]
    command += [f"--reports={place}", f"--junitxml={junit}", "-o", f"junit_suite_name={host.name}"]
    # testinfra knows no ansible_ssh_args.
    given = (host.variables.get(name) for name in ("ansible_ssh_args", "ansible_ssh_common_args"))
    common = " ".join(map(str, filter(None, given)))
    environment = program_environment.environment() | {
        "ANSIBLE_SSH_COMMON_ARGS": f"{STRICT} {' '.join(shared)} {common} {LASTING}"
    }
    if become != sudo.OWN:
        environment["ANSIBLE_BECOME"] = "true"
    arguments = [*arguments, "--sudo-asks"] if become == sudo.ASKED else arguments
    return attended([*command, *arguments, str(SUITE)], environment, step, HOST_LIMIT_S)


def attended(
    command: Sequence[str],
    environment: Mapping[str, str],
    step: Callable[[str], None],
    limit_s: float,
) -> tuple[int, str]:
    """Run the suite; return its exit code and what it printed, 124 where its time was up.

    `step` gets the name of each part of the suite when that begins.
    """
    lines = []
    late = threading.Event()
    # Steps are read as they begin, and last words stand last.
    env = {**environment, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as child:  # fmt: skip

        def over() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(limit_s, over)
        timer.daemon = True
        timer.start()
        try:
            for line in child.stdout or ():
                if line.startswith(STEP):
                    step(line.removeprefix(STEP).strip())
                lines.append(line)
            code = child.wait()
        except BaseException:
            child.kill()
            raise
        finally:
            timer.cancel()
    if late.is_set():
        return 124, f"no answer within {limit_s:.0f} s"
    return code, "".join(lines)
