"""`test.app`: an application's own tests here, in its arm64 image, and itself on a virtual board.

A video stands in for the camera. Each run leaves a log and a JUnit file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.app import settings
from jetson_kit.app.settings import SOURCE_VARIABLE, App
from jetson_kit.app_testing import board, clip, scaffold
from jetson_kit.app_testing import site as test_site
from jetson_kit.build import images
from jetson_kit.build import plan as planning
from jetson_kit.build.plan import BuildPlan, Request
from jetson_kit.core.errors import BadInputError, CheckFailedError, StepFailedError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import run as emulated_run
from jetson_kit.models import bundles as models
from jetson_kit.wheels.device_wheel import PACKAGE

PATTERNS = ("test_*.py", "*_test.py")
NO_TESTS = 5
LARGEST = 64 << 20
# Where the container finds what only its tests need.
SITE, OUT, VIDEO = "/opt/app-test/site", "/opt/app-test/out", "/opt/app-test/video"


@dataclass(frozen=True)
class Outcome:
    """How one run of the tests ended."""

    where: str
    code: int


def run(folder: Path, output: Path | None, *, emulated: bool = True, full: bool = False) -> int:
    """Test the application; return 0 if all runs passed, else 1. `full`: on a virtual board, too.

    Raises BadInputError for a folder without tests, and what a build raises.
    """
    app = settings.load(folder)
    _check_tests(app)
    progress = Progress()
    image = planning.make(_request(app, jetson=True))
    place = output or image.output.with_name(f"{image.name}-test")
    with disk_guard(place):
        place.mkdir(parents=True, exist_ok=True)
    with _scratch() as scratch:
        video = _video(app, scratch)
        outcomes = [_native(app, image, video, place, progress)]
        if emulated:
            outcomes.append(_emulated(app, image, video, place, scratch, progress))
        if full:
            with _logged(place / "virtual.log") as stream:
                outcomes.append(Outcome("virtual", board.run(app, video, place, stream, progress)))
    done = [outcome for outcome in outcomes if outcome]
    for item in done:
        state = "passed" if item.code == 0 else f"failed (exit code {item.code})"
        print(f"{item.where}: {state}, see {place / item.where}.log and .xml")
    if not done:
        raise CheckFailedError("the tests ran nowhere", "leave out --no-emulation")
    return 1 if any(outcome.code for outcome in done) else 0


def _request(app: App, *, jetson: bool) -> Request:
    target = app.target
    return Request(
        jetson=jetson,
        l4t=target.l4t if jetson else "",
        module=target.module if jetson else "",
        python=target.python,
        mediapipe=target.mediapipe,
        app=app,
    )


def _check_tests(app: App) -> None:
    folder = app.folder / app.tests.folder
    if not any(path for pattern in PATTERNS for path in folder.rglob(pattern)):
        raise BadInputError(
            f"{folder} has no tests", "write tests/test_app.py; ./inv app.new shows one"
        )


def _video(app: App, scratch: Path) -> Path:
    """Return the video that stands in for the camera, where a container's user can read it."""
    place = scratch / "video" / "clip.avi"
    place.parent.mkdir()
    if app.tests.video:
        place = place.with_name(Path(app.tests.video).name)
        shutil.copyfile(app.folder / app.tests.video, place)
    else:
        clip.write(place, [scaffold.picture("face")] * scaffold.FRAMES)
    _open(place.parent)
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
    variables = {
        **os.environ,
        **app.variables,
        "PYTHONPATH": f"{app.folder}{os.pathsep}{PACKAGE}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MEDIAPIPE_JETSON_MODELS": str(models.fetch(names)[0].parent),
        SOURCE_VARIABLE: str(video),
    }
    variables.pop("VIRTUAL_ENV", None)
    xml = place / "native.xml"
    xml.unlink(missing_ok=True)
    command = [str(python), *_pytest(app, str(xml), "native")]
    with _logged(place / "native.log") as stream:
        code = _attended(command, app, variables, stream)
    return Outcome("native", _judged(code, app))


def _attended(command: Sequence[str], app: App, env: Mapping[str, str], stream: int) -> int:
    """Run the tests in a group of their own, which is ended with them."""
    with subprocess.Popen(
        command, cwd=app.folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=stream,
        stderr=stream, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(app.tests.timeout_s)
        except subprocess.TimeoutExpired:
            return emulated_run.TIMED_OUT
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)


def _emulated(
    app: App, image: BuildPlan, video: Path, place: Path, scratch: Path, progress: Progress
) -> Outcome:
    """Build the image and run the tests in it."""
    images.image_only(image, progress)
    tests = scratch / "tests"
    shutil.copytree(app.folder / app.tests.folder, tests, symlinks=True)
    out = scratch / "out"
    out.mkdir()
    site = test_site.for_image(app, image)
    _open(tests)
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
        env=(f"PYTHONPATH={SITE}:/{settings.HOME}", f"{SOURCE_VARIABLE}={VIDEO}/{video.name}"),
    )
    core = emulated_run.core_for(request)
    progress.say(f"        in {image.tag} on {core.name if core else 'this machine'}")
    if core:
        emulation.require()
    with _logged(place / "emulated.log") as stream:
        code = emulated_run.run(request, stream)
    _take(out / "emulated.xml", xml)
    return Outcome("emulated", _judged(code, app))


def _pytest(app: App, xml: str, name: str) -> list[str]:
    words = ["-m", "pytest", app.tests.folder, "-p", "no:cacheprovider", "--junit-xml", xml]
    return [*words, "-o", f"junit_suite_name={name}"]


def _judged(code: int, app: App) -> int:
    if code == emulated_run.TIMED_OUT:
        print(
            f"error: the tests took more than {app.tests.timeout_s} s; raise [test] timeout_s",
            file=sys.stderr,
        )
    if code == NO_TESTS:
        print(f"error: pytest found no test in {app.tests.folder}", file=sys.stderr)
    return code


def _take(source: Path, target: Path) -> None:
    """Copy what the container left, if it is a regular file of a sensible size."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    with open(handle, "rb") as stream:  # noqa: PTH123 # of a descriptor
        if stat.S_ISREG(os.fstat(handle).st_mode):
            target.write_bytes(stream.read(LARGEST))


def _open(folder: Path) -> None:
    """Let every user read a folder; a container's has no rights of ours."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        dir=cache_dir("tmp"), prefix="app-test-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[int]:
    """Yield a descriptor whose output is shown and written to a log."""
    reader, writer = os.pipe()

    def copy() -> None:
        with open(reader, "rb", buffering=0) as stream, path.open("wb") as log:  # noqa: PTH123
            while block := stream.read(1 << 16):
                log.write(block)
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()

    thread = threading.Thread(target=copy, daemon=True)
    sys.stdout.flush()
    thread.start()
    try:
        yield writer
    finally:
        os.close(writer)
        thread.join(10)
