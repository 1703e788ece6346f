"""`test.app`: an application's own tests here, in its arm64 image, and itself on a virtual board.

A video stands in for the camera. Each run leaves a log and a JUnit file.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mediapipe_jetson import without_gpu

from jetson_kit.app import settings
from jetson_kit.app.settings import SOURCE_VARIABLE, App
from jetson_kit.app_testing import board, clip, files, scaffold
from jetson_kit.app_testing import site as test_site
from jetson_kit.build import images
from jetson_kit.build import plan as planning
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError, CheckFailedError, StepFailedError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.progress import Progress
from jetson_kit.core.stopping import StoppedError
from jetson_kit.core.text import counted
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import run as emulated_run
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy
from jetson_kit.wheels.device_wheel import PACKAGE

PATTERNS = ("test_*.py", "*_test.py")
NO_TESTS = 5
# What pytest's JUnit file says of all tests.
SUITE, NUMBER = re.compile(r"<testsuite\b([^>]*)>"), re.compile(r'\b(tests|skipped)="(\d+)"')
# Programs may ask for the GPU, which neither run has: docs/app.md.
NO_GPU = {without_gpu.VARIABLE: "CPU"}
# Where the container finds what only its tests need.
SITE, OUT, VIDEO = "/opt/app-test/site", "/opt/app-test/out", "/opt/app-test/video"


@dataclass(frozen=True)
class Outcome:
    """How one run of the tests ended; `why` is "" where they passed."""

    where: str
    why: str = ""
    on: str = ""
    """The release and board that it stands for; "" is this machine."""
    skipped: int = 0
    """How many tests there were, where all of them were skipped."""
    native: bool = False
    """Whether the image ran on this machine's own cores, as it does on an arm64 machine."""

    @property
    def title(self) -> str:
        """Return what a person reads; `where` names the files."""
        return "in the image" if self.native else self.where


@dataclass(frozen=True)
class AppTestRequest:
    """What the user asks for; "" is what jetson.toml says, else the build's default."""

    folder: Path
    output: Path | None = None
    l4t: str = ""
    module: str = ""
    emulated: bool = True
    full: bool = False
    """On a virtual board, too."""


def run(request: AppTestRequest) -> None:
    """Test the application.

    Without tests of its own it is only run on the virtual board, where that is asked for. Raises
    CheckFailedError if a run failed, BadInputError where there is nothing to run, and what a build
    raises.
    """
    app = settings.load(request.folder)
    progress = Progress()
    tested = _has_tests(app)
    if not tested:
        if not request.full:
            raise BadInputError(
                f"{app.folder / app.tests.folder} has no tests",
                _elsewhere(app)
                or "write tests/test_app.py (./inv app.new shows one), or take "
                "--full: the application itself on a virtual board",
            )
        progress.say(f"        {app.folder / app.tests.folder} has no tests: the board alone")
    build_request = planning.by_target(
        Request(jetson=True, l4t=request.l4t, module=request.module, app=app)
    )
    image = planning.make(build_request)
    # The tests run in the application's folder.
    place = (request.output or image.output.with_name(f"{image.name}-test")).absolute()
    with disk_guard(place):
        place.mkdir(parents=True, exist_ok=True)
    done: list[Outcome] = []
    with files.scratch() as scratch:
        video = _video(app, scratch)
        native = _native(app, image, video, place, progress) if tested else None
        if native:
            done.append(_report_outcome(native, place))
        if tested and request.emulated:
            on = _target(build_request, image, progress)
            done.append(_report_outcome(_emulated(app, image, video, place, scratch, on), place))
        if request.full:
            with files.logged(place / "virtual.log") as stream:
                code = board.run(app, video, place, stream, progress)
            why = f"exit code {code}" if code else ""
            done.append(_report_outcome(Outcome("virtual", why), place, board.page(place)))
    if not done:
        raise CheckFailedError("the tests ran nowhere", "leave out --no-emulation")
    if failed := [outcome for outcome in done if outcome.why]:
        logs = " and ".join(str(place / f"{outcome.where}.log") for outcome in failed)
        summary = ", ".join(f"{outcome.title} ({outcome.why})" for outcome in failed)
        raise CheckFailedError(f"the tests failed: {summary}", f"see {logs}")
    if all(outcome.skipped for outcome in done):
        raise CheckFailedError("no test ran: all were skipped", f"see {place / done[0].where}.log")


def _report_outcome(outcome: Outcome, place: Path, page: Path | None = None) -> Outcome:
    state = f"all {counted(outcome.skipped, 'test')} skipped" if outcome.skipped else "passed"
    state = f"failed ({outcome.why})" if outcome.why else state
    on = f" on {outcome.on}" if outcome.on else ""
    xml = " and .xml" if (place / f"{outcome.where}.xml").is_file() else ""
    see = f"{place / outcome.where}.log{xml}" + (f"; page: {page}" if page else "")
    print(f"{outcome.title}: {state}{on}, see {see}", flush=True)
    return outcome


def _target(request: Request, image: BuildPlan, progress: Progress) -> str:
    """Say which boards the run in the image stands for, and return that in words."""
    name = image.target.name if image.target else image.arch
    boards = f"{name}, {request.module or 'all its modules'}"
    chosen = request.l4t or request.module
    hint = "" if chosen else "; another board: --l4t and --module, or [target] in jetson.toml"
    progress.say(f"        the run in the image is for {boards}{hint}")
    return boards


def _has_tests(app: App) -> bool:
    folder = app.folder / app.tests.folder
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is no folder of tests", "name one: [test] folder")
    if folder.exists() and not os.access(folder, os.R_OK | os.X_OK):
        raise BadInputError(f"{folder} can't be read: Permission denied", "let it be read (chmod)")
    return any(path for pattern in PATTERNS for path in folder.rglob(pattern))


def _elsewhere(app: App) -> str:
    """Return what to write where the tests stand elsewhere in the folder; "" where they do not."""
    for pattern in PATTERNS:
        for path in sorted((*app.folder.glob(pattern), *app.folder.glob(f"*/{pattern}"))):
            if path.parent == app.folder:
                return (
                    f"move {path.name} into a folder tests: the image holds what stands beside it"
                )
            return f'write folder = "{path.parent.name}" under [test] in {settings.FILE}'
    return ""


def _video(app: App, scratch: Path) -> Path:
    """Return the video that stands in for the camera, where a container's user can read it."""
    place = scratch / "video" / "clip.avi"
    place.parent.mkdir()
    if app.tests.video:
        place = place.with_name(Path(app.tests.video).name)
        shutil.copyfile(app.folder / app.tests.video, place)
    else:
        clip.write(place, [scaffold.picture("face")] * scaffold.FRAMES)
    files.open_to_all(place.parent)
    return place


def _native(
    app: App, image: BuildPlan, video: Path, place: Path, progress: Progress
) -> Outcome | None:
    """Run the tests on this machine; None where its environment can't be made."""
    try:
        with progress.step("app-venv", "environment of this machine, by the application's lock"):
            python = test_site.environment(app, image)
    except (BadInputError, StepFailedError) as error:
        progress.say(f"        not run on this machine itself: {error.message}")
        return None
    names = models.names()
    legacy.fetch()
    variables = {
        **os.environ,
        **app.variables,
        "PYTHONPATH": f"{app.folder}{os.pathsep}{PACKAGE}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MEDIAPIPE_JETSON_MODELS": str(models.fetch(names)[0].parent),
        SOURCE_VARIABLE: str(video),
        **NO_GPU,
    }
    if settings.HEALTH_VARIABLE in app.variables:
        # Its path is the container's; here another user may have a file of that name.
        variables[settings.HEALTH_VARIABLE] = str(video.parent.with_name("alive"))
    variables.pop("VIRTUAL_ENV", None)
    xml = place / "native.xml"
    xml.unlink(missing_ok=True)
    command = [str(python), *_pytest(app, str(xml), "native")]
    with files.logged(place / "native.log") as stream:
        code = _attended(command, app, variables, stream)
    return _outcome("native", code, app, xml)


def _attended(command: Sequence[str], app: App, env: Mapping[str, str], stream: int) -> int | None:
    """Run the tests in a group of their own, which ends with them; return None at their limit."""
    with subprocess.Popen(
        command, cwd=app.folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=stream,
        stderr=stream, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(app.tests.timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)


def _emulated(
    app: App, image: BuildPlan, video: Path, place: Path, scratch: Path, on: str
) -> Outcome:
    """Build the image and run the tests in it. Raises StoppedError where a signal ended them."""
    progress = Progress()
    images.image_only(image, progress)
    tests = scratch / "tests"
    shutil.copytree(app.folder / app.tests.folder, tests, symlinks=True)
    out = scratch / "out"
    out.mkdir()
    site = test_site.for_image(app, image)
    files.open_to_all(tests)
    out.chmod(0o777)
    # Left by an earlier run, it must not pass for this one's.
    xml = place / "emulated.xml"
    xml.unlink(missing_ok=True)
    request = emulated_run.Request(
        image=image.tag,
        command=("python3", *_pytest(app, f"{OUT}/emulated.xml", "emulated")),
        timeout_s=app.tests.timeout_s,
        volumes=(
            f"{tests}:/{settings.HOME}/{app.tests.folder}:ro",
            f"{site}:{SITE}:ro",
            f"{video.parent}:{VIDEO}:ro",
            f"{out}:{OUT}",
        ),
        env=(
            f"PYTHONPATH={SITE}:/{settings.HOME}",
            f"{SOURCE_VARIABLE}={VIDEO}/{video.name}",
            *(f"{name}={value}" for name, value in NO_GPU.items()),
        ),
    )
    core = emulated_run.core_for(request)
    core_name = core.name if core else "this machine"
    progress.say(f"        in {image.tag} on {core_name}")
    if core:
        emulation.require(image.tag)
    with files.logged(place / "emulated.log") as stream:
        ended = emulated_run.attend(request, stream)
    if ended.signal:
        # It was handed on to the tests, and is meant for all that would come after them.
        raise StoppedError(ended.signal)
    files.take(out / "emulated.xml", xml)
    code = None if ended.timed_out else ended.code
    outcome = _outcome("emulated", code, app, xml, f"{on} ({core_name})")
    return replace(outcome, native=core is None)


def _pytest(app: App, xml: str, name: str) -> list[str]:
    arguments = ["-m", "pytest", app.tests.folder, "-p", "no:cacheprovider", "--junit-xml", xml]
    return [*arguments, "-o", f"junit_suite_name={name}"]


def _outcome(where: str, code: int | None, app: App, xml: Path, on: str = "") -> Outcome:
    """Return how a run ended: passed only where pytest's report says so, too."""
    if why := _why(code, app):
        return Outcome(where, why, on)
    try:
        suite = SUITE.search(xml.read_text("utf-8"))
    except (OSError, ValueError):
        suite = None
    if suite is None:
        return Outcome(where, "they ended with 0 before pytest wrote its report", on)
    numbers = dict(NUMBER.findall(suite[1]))
    tests, skipped = (int(numbers.get(key, 0)) for key in ("tests", "skipped"))
    if not tests:
        return Outcome(where, "they ended with 0 before pytest had run one", on)
    return Outcome(where, "", on, tests if tests == skipped else 0)


def _why(code: int | None, app: App) -> str:
    """Return why the tests count as failed by pytest's exit code; "" where they passed."""
    if code is None:
        return f"more than {app.tests.timeout_s} s; raise [test] timeout_s"
    if code == NO_TESTS:
        return f"pytest found no test in {app.tests.folder}"
    # A container's program that a signal ended has 128 more.
    number = -code if code < 0 else code - 128
    if number > 0 and (name := _signal(number)):
        return f"ended by {name}"
    return f"exit code {code}" if code else ""


def _signal(number: int) -> str:
    try:
        return signal.strsignal(number) or ""
    except ValueError:
        return ""
