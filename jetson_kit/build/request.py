"""What the user asks of a build, and what can't be asked together."""

from __future__ import annotations

from dataclasses import dataclass

from jetson_kit.app.settings import App
from jetson_kit.core.errors import BadInputError

VARIANTS = ("runtime", "emulated", "dev")


@dataclass(frozen=True)
class Request:
    """What the user asked for; an empty string means "choose for me"."""

    jetson: bool = False
    l4t: str = ""
    module: str = ""
    python: str = ""
    base: str = "debian"
    base_python: str | None = ""
    """The Python of another base, such as 3.11; "" for none of ours, None until it is looked at."""
    variant: str = "runtime"
    mediapipe: str = ""
    require_gpu: bool | None = None
    output: str = ""
    engines: str = ""
    """onnx, store or a folder; "" is none."""
    camera: bool = False
    """With GStreamer; an application that names a camera has it anyway."""
    app: App | None = None
    """A user's application, which is put on top."""

    @property
    def left_aside(self) -> tuple[str, ...]:
        """Return a note on what [target] of the application says and no native image can follow."""
        named = [key for key in ("l4t", "module") if self.app and getattr(self.app.target, key)]
        if self.jetson or not named:
            return ()
        keys = " and ".join(named)
        return (f"{keys} in [target] of jetson.toml left aside: this image is for this machine",)

    def check(self) -> None:
        """Raise BadInputError for what can't be, whatever the tables have."""
        if self.variant not in VARIANTS:
            raise BadInputError(
                f"unknown variant {self.variant!r}", f"choose one of {', '.join(VARIANTS)}"
            )
        if self.app and self.base != "debian":
            raise BadInputError(
                "--app is put on the kit's own base",
                "leave out --base, or write a Dockerfile on the image that --base gives "
                "(docs/app.md)",
            )
        if self.camera and self.base != "debian":
            raise BadInputError(
                "--camera adds Debian packages to the kit's own base",
                "leave out --base, or install GStreamer in that image: "
                "gstreamer1.0-plugins-base gstreamer1.0-plugins-good",
            )
