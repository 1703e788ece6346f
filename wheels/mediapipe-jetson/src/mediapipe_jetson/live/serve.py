"""Servers about one pipeline: `serve` for an application, `Live` for `run`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson.live import otlp_settings, password
from mediapipe_jetson.live.board import Board
from mediapipe_jetson.live.collector import Collector
from mediapipe_jetson.live.handler import Site
from mediapipe_jetson.live.metrics import Metrics, process
from mediapipe_jetson.live.otlp import Sender
from mediapipe_jetson.live.picture import Picture
from mediapipe_jetson.live.server import Server
from mediapipe_jetson.live.state import Backend, State, backend_of
from mediapipe_jetson.live.verdict import REPORT, Verdicts
from mediapipe_jetson.live.webrtc import Peers
from mediapipe_jetson.pipeline.pipeline import Pipeline

LOG = logging.getLogger(__name__)
Place = Union[str, os.PathLike[str]]


class Live:
    """The live view on the port `view`, metrics alone on the port `metrics`; None for neither.

    `otlp` sends the metrics by OpenTelemetry's protocol, too; `webrtc` offers the view's picture by
    WebRTC. It serves from the start; `attach` a
    pipeline before that runs. Use it as a context, or close it. Raises PortError, PasswordError;
    OpenCvMissingError for a view without OpenCV, OtlpError and WebRtcError
    without the extras `otel` and `webrtc`.
    """

    def __init__(
        self,
        view: Optional[int] = None,
        metrics: Optional[int] = None,
        *,
        password_file: Optional[Place] = None,
        verify_report: Place = REPORT,
        landmarks: bool = True,
        otlp: bool = False,
        webrtc: bool = False,
    ) -> None:
        given = None if password_file is None else Path(password_file)
        # Without a port nobody is answered, and a password's file need not be there.
        served = view is not None or metrics is not None
        file = password.password_file(given) if served else None
        secret = password.read(file) if file else b""
        picture = Picture(landmarks=landmarks) if view is not None else None
        self.state = State(Verdicts(Path(verify_report)), Board(), picture)
        self._metrics = scrapes = Metrics(self.state)
        self._picture = picture
        self._servers: list[Server] = []
        self._sender: Optional[Sender] = None
        self._peers: Optional[Peers] = None
        try:
            self._peers = Peers(picture) if webrtc and picture is not None else None
            for port, shown in ((view, picture), (metrics, None)):
                if port is not None:
                    site = Site(self.state, scrapes, shown, secret, self._peers if shown else None)
                    self._servers.append(Server(port, site))
            if otlp and (why := otlp_settings.off(os.environ)):
                LOG.warning("no metrics are sent by OTLP: %s", why)
            elif otlp:
                self._sender = Sender(lambda: [*scrapes.families(), *process()])
        except BaseException:
            self.close()
            raise

    @property
    def ports(self) -> Sequence[int]:
        """Return the ports that are served: the view's, then that of metrics alone."""
        return [server.port for server in self._servers]

    def lines(self) -> list[str]:
        """Return for a person where it is."""
        result = []
        for server in self._servers:
            path = "" if server.site.picture else "metrics"
            host = server.server_address[0]
            known = "with a password" if server.site.secret else "from this machine alone"
            result.append(f"http://{host!s}:{server.port}/{path} ({known})")
        return result

    def attach(self, pipeline: Pipeline, backend: Optional[Backend] = None) -> None:
        """Show a pipeline that has not started."""
        self.state.attach(pipeline, backend or backend_of(pipeline.landmarker))

    def collector(self) -> Collector:
        """Return the metrics for an application's own registry; Live() alone serves no port.

        Raises ImportError without prometheus-client.
        """
        return Collector(self._metrics)

    def close(self) -> None:
        """Free the ports."""
        if self._sender is not None:
            self._sender.close()
        for server in self._servers:
            server.close()
        if self._peers is not None:
            self._peers.close()
        if self._picture is not None:
            self._picture.close()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def serve(
    pipeline: Pipeline,
    port: Optional[int] = None,
    *,
    metrics: Optional[int] = None,
    password_file: Optional[Place] = None,
    verify_report: Place = REPORT,
    landmarks: bool = True,
    otlp: bool = False,
    webrtc: bool = False,
) -> Live:
    """Serve a pipeline that has not started: the page on `port`, metrics alone on `metrics`.

    Without a password's file (or MEDIAPIPE_JETSON_SERVE_PASSWORD_FILE, or systemd's credential)
    only this machine is answered. `landmarks` draws them into the picture that is shown, not into
    the pipeline's. Raises what Live raises.
    """
    live = Live(
        port,
        metrics,
        password_file=password_file,
        verify_report=verify_report,
        landmarks=landmarks,
        otlp=otlp,
        webrtc=webrtc,
    )
    live.attach(pipeline)
    return live
