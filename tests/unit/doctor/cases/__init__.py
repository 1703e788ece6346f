"""The cases of the doctor's checks, by the module of the check."""

from __future__ import annotations

from tests.unit.doctor.cases import camera, container, device, docker, graphics, project, software
from tests.unit.doctor.cases.case import Case

CASES: list[Case] = [
    *software.CASES,
    *project.CASES,
    *docker.CASES,
    *container.CASES,
    *device.CASES,
    *graphics.CASES,
    *camera.CASES,
]
