"""What of an application can be judged without a network: its requirements and its wheels."""

from __future__ import annotations

from jetson_kit.app import requirements_file, wheel_folder
from jetson_kit.app.requirements_file import Requirements
from jetson_kit.app.settings import App


def check(app: App) -> None:
    """Raise for requirements, hashes, paths in them and wheels that no build takes.

    Raises BadInputError, IntegrityError.
    """
    if app.requirements:
        read(app)


def read(app: App, file: str = "") -> Requirements:
    """Return the application's requirements, checked; `file` is another file of its folder.

    Raises BadInputError, IntegrityError.
    """
    result = requirements_file.read(app.folder / (file or app.requirements), app.folder)
    wheel_folder.check(app)
    return result
