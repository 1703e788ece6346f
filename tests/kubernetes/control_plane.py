"""A control plane on loopback: etcd, API server, controllers, scheduler; nodes are only said."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN = "test"  # of a server on loopback that lives for minutes
# Nothing here runs pods; the controllers are those that a DaemonSet needs.
CONTROLLERS = "daemonset,namespace,disruption,garbagecollector"
READY_S = 120.0


@dataclass(frozen=True)
class ControlPlane:
    """A running API server and the kubectl that talks to it."""

    kubectl: Path
    config: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables under which kubectl asks this server."""
        path = f"{self.kubectl.parent}:{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.config), "PATH": path}

    def run(self, *arguments: str | Path, text: str | None = None) -> str:
        """Return what kubectl prints; it has to succeed."""
        done = subprocess.run(
            [self.kubectl, *arguments], env=self.environment, input=text,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *arguments: str) -> list[dict[str, Any]]:
        """Return objects."""
        items: list[dict[str, Any]] = json.loads(self.run("get", *arguments, "-o", "json"))["items"]
        return items

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Create or change objects."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "-f", "-", text=json.dumps(body))

    def status(self, kind: str, name: str, status: Mapping[str, Any], *arguments: str) -> None:
        """Say an object's status, as a kubelet would."""
        patch = json.dumps({"status": status})
        self.run(
            "patch",
            kind,
            name,
            *arguments,
            "--subresource=status",
            "--type=merge",
            "--patch",
            patch,
        )


@contextlib.contextmanager
def running(programs: Path, kubectl: Path, folder: Path) -> Iterator[ControlPlane]:
    """Yield a control plane whose files are in `folder`; it ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = _free_ports(5)
    client, peer, api, manager, scheduler = ports
    config = folder / "kubeconfig"
    config.write_text(json.dumps(_kubeconfig(api)))
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key = folder / "accounts.key"
    key.write_bytes(_account_key())
    here = "http://127.0.0.1"
    commands: list[list[str | Path]] = [
        [programs / "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync",
         "--listen-client-urls", f"{here}:{client}", "--advertise-client-urls", f"{here}:{client}",
         "--listen-peer-urls", f"{here}:{peer}", "--initial-advertise-peer-urls", f"{here}:{peer}",
         "--initial-cluster", f"default={here}:{peer}"],
        [programs / "kube-apiserver", "--etcd-servers", f"{here}:{client}",
         "--bind-address", "127.0.0.1", "--secure-port", str(api),
         "--cert-dir", folder / "certificates", "--token-auth-file", folder / "tokens.csv",
         "--service-account-issuer", "https://test", "--service-account-key-file", key,
         "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.255.0.0/24",
         "--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition"],
        [programs / "kube-controller-manager", "--kubeconfig", config, "--leader-elect=false",
         "--controllers", CONTROLLERS, "--secure-port", str(manager), "--port=0",
         "--bind-address", "127.0.0.1", "--cert-dir", folder / "manager"],
        [programs / "kube-scheduler", "--kubeconfig", config, "--leader-elect=false",
         "--secure-port", str(scheduler), "--port=0", "--bind-address", "127.0.0.1",
         "--cert-dir", folder / "scheduler"],
    ]  # fmt: skip
    plane = ControlPlane(kubectl, config)
    with contextlib.ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("wb"))
            child = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(child.wait)
            stack.callback(child.terminate)
            if Path(command[0]).name == "kube-apiserver":
                _wait(plane, child, folder)
        yield plane


def _wait(plane: ControlPlane, child: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        log = (folder / "kube-apiserver.log").read_text(errors="replace")
        assert child.poll() is None, log[-2000:]
        done = subprocess.run(
            [plane.kubectl, "get", "--raw", "/readyz"],
            env=plane.environment, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError(f"the API server was not ready within {READY_S:.0f} s")


def _kubeconfig(port: int) -> dict[str, Any]:
    server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": server}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }  # fmt: skip


def _account_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _free_ports(count: int) -> Sequence[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
