"""The labels of nodes and pods, and their values: manifests, check and documents have them here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.release.release import Release

PREFIX = "mediapipe-jetson.io"
WAVE, L4T, SITE = f"{PREFIX}/wave", f"{PREFIX}/l4t", f"{PREFIX}/site"
ARCHITECTURE = "kubernetes.io/arch"
APP_KEY, APP_NAME = "app.kubernetes.io/name", "mediapipe-jetson"
APP = {APP_KEY: APP_NAME}
NAMESPACE = "mediapipe-jetson"
CANARY, REST = "canary", "rest"
WAVES = (CANARY, REST)
# A label's value, in lower case as names of objects are; room for "mediapipe-" and "-canary".
SITE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Overlay:
    """Nodes that are served by one DaemonSet: a wave, of all sites or of one."""

    wave: str
    site: str = ""

    def __post_init__(self) -> None:
        """Check the site's name. Raises BadInputError."""
        if self.site and not SITE_NAME.fullmatch(self.site):
            raise BadInputError(
                f"{self.site!r} is no name of a site",
                "write at most 40 lower-case letters, digits and hyphens within",
            )

    @property
    def name(self) -> str:
        """Return its folder's name and the suffix of its DaemonSet."""
        return f"{self.site}-{self.wave}" if self.site else self.wave

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by which its pods are told from others'."""
        return {WAVE: self.wave, **({SITE: self.site} if self.site else {})}


def node_selector(release: Release) -> dict[str, str]:
    """Return the labels that a node must have to get a release's pod."""
    result = {ARCHITECTURE: release.architecture}
    # The number alone, as boards and reports name it: r36.4.4 is a build's name.
    return result | ({L4T: release.l4t.removeprefix("r")} if release.l4t else {})
