"""The only way out for a machine in a company's network: a proxy that wants a password.

tinyproxy, of Debian, in a container beside the machine; the machine itself is in a network without
a way to anywhere else.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping

from jetson_kit.core.errors import NetworkError, StepFailedError
from jetson_kit.core.run import run

PORT = 8888
SETTINGS = "Port {port}\nTimeout 600\nMaxClients 100\nBasicAuth kit {password}\nLogLevel Error\n"
# As most people set them; apt reads neither, and sudo keeps neither.
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY")


@contextlib.contextmanager
def beside(
    container: str, image: str, label: str, variables: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Move a container behind a proxy of its own; yield the variables by which programs find it.

    `image` is a bare Debian, `variables` are what its apt needs. Raises NetworkError,
    StepFailedError.
    """
    name, password = f"{container}-way-out", secrets.token_hex(8)
    _remove(name, container)
    network = ["docker", "network", "create", "--internal", "--label", label, name]
    run(network, what="making a network without a way out")
    try:
        given = [part for pair in variables.items() for part in ("-e", "=".join(pair))]
        started = ["docker", "run", "--detach", "--name", name, "--label", label, *given]
        run([*started, image, "sleep", "infinity"], what="starting the proxy's container")
        settings = SETTINGS.format(port=PORT, password=password)
        script = (
            "apt-get -qq update && apt-get -qq install -y --no-install-recommends tinyproxy"
            " && cat >/run/settings && exec tinyproxy -c /run/settings"
        )
        inside = ["docker", "exec", "--interactive", name, "sh", "-c", script]
        run(
            inside,
            what="starting tinyproxy",
            stdin=settings.encode(),
            failed=lambda what, _, text: NetworkError(f"{what}: {text.strip()[-200:]}"),
        )
        for arguments in (
            ["connect", name, name],
            ["disconnect", "bridge", container],
            ["connect", name, container],
        ):
            run(["docker", "network", *arguments], what="putting the machine behind the proxy")
        address = f"http://kit:{password}@{name}:{PORT}"
        yield dict.fromkeys(VARIABLES, address)
    finally:
        _remove(name, container)


def _remove(name: str, container: str) -> None:
    run(["docker", "rm", "--force", "--volumes", name], what="removing a proxy")
    # There may be no such network, or the machine is not in it.
    for arguments in (["disconnect", "--force", name, container], ["rm", name]):
        with contextlib.suppress(StepFailedError):
            run(["docker", "network", *arguments], what="removing a proxy's network")
