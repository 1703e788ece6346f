"""Which pinned MediaPipe wheel an image gets, by its audit on each board, and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from jetson_kit.audit.planned import candidates, planned_verdict
from jetson_kit.core.errors import BadInputError
from jetson_kit.targets.table import Soc, Target
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.translate import table


@dataclass(frozen=True)
class AuditedPin:
    """A pinned wheel and what its audit says of the boards."""

    pin: Pin
    verdict: str
    reason: str


def choose(
    target: Target | None,
    socs: tuple[Soc, ...],
    arch: str,
    python: str,
    *,
    mediapipe: str = "",
    require_gpu: bool | None = None,
) -> tuple[AuditedPin, tuple[AuditedPin, ...]]:
    """Return the newest wheel whose audit passes on every board, and all that were judged.

    `mediapipe` is a version, "" any; `require_gpu` None: wherever there is one. Raises
    BadInputError where no wheel fits.
    """
    place = target.name if target else arch
    every = tuple(_judge(pin, target, socs) for pin in candidates(arch))
    audited_pins = tuple(
        audited_pin for audited_pin in every if mediapipe in ("", audited_pin.pin.version)
    )
    if not audited_pins:
        known = dict.fromkeys(audited_pin.pin.version for audited_pin in every)
        raise BadInputError(
            f"MediaPipe {mediapipe} is not pinned for {arch}",
            f"choose one of {', '.join(known)}",
        )
    fitting = [
        audited_pin
        for audited_pin in audited_pins
        if audited_pin.verdict != "no" and audited_pin.pin.supports(python)
    ]
    if not fitting:
        raise BadInputError(
            f"no MediaPipe wheel fits {place} with Python {python}: "
            f"{_refusals(audited_pins, python)}",
            "choose another --python or --mediapipe",
        )
    best = fitting[0]
    if require_gpu is False:
        # Where the CPU will do, nothing is translated.
        best = next((audited_pin for audited_pin in fitting if not audited_pin.pin.core), best)
    can = any(audited_pin.verdict == "gpu" and not audited_pin.pin.core for audited_pin in every)
    required = bool(target) and can if require_gpu is None else require_gpu
    if required and best.verdict != "gpu":
        raise BadInputError(
            f"MediaPipe {best.pin.version} can't use the GPU of {place}: {best.reason.rstrip('.')}",
            "add --allow-cpu (or drop --require-gpu) to accept inference on the CPU",
        )
    return best, audited_pins


def _judge(pin: Pin, target: Target | None, socs: tuple[Soc, ...]) -> AuditedPin:
    verdict = planned_verdict(pin, target, socs)
    return AuditedPin(pin, verdict.verdict, verdict.reason)


def _refusals(audited_pins: tuple[AuditedPin, ...], python: str) -> str:
    """Return why each version is out, one clause a version."""
    message: dict[str, str] = {}
    for audited_pin in audited_pins:
        version = audited_pin.pin.version
        offered = sorted(
            {p for x in audited_pins if x.pin.version == version for p in x.pin.pythons},
            key=Version,
        )
        fits = python in offered
        message[version] = (
            f"{version}: {audited_pin.reason.rstrip('.')}"
            if audited_pin.verdict == "no" and (fits or version not in message)
            else f"{version} is for Python {', '.join(offered)}"
        )
    return "; ".join(message.values())


def notes(
    target: Target | None,
    socs: tuple[Soc, ...],
    chosen: AuditedPin,
    audited_pins: tuple[AuditedPin, ...],
) -> tuple[str, ...]:
    """Say plainly when MediaPipe stays on the CPU, why, and what would change it."""
    if target is None:
        return ()
    if chosen.pin.core:
        return (_translated_note(chosen.pin),)
    if chosen.verdict == "gpu":
        return ()
    version = chosen.pin.version
    barred = next(
        (audited_pin for audited_pin in audited_pins if audited_pin.verdict == "no"), None
    )
    if barred is None:
        return (
            f"MediaPipe {version} itself stays on the CPU here: {chosen.reason}",
            "What would change it: leave out --mediapipe.",
        )
    if any(audited_pin.verdict == "gpu" and audited_pin.pin.core for audited_pin in audited_pins):
        return (
            f"MediaPipe {version} itself stays on the CPU here: {chosen.reason}",
            "What would change it: leave out --allow-cpu.",
        )
    ways = "a MediaPipe wheel built from source with GPU for these cores, or an engine runtime "
    ways += "such as TensorRT beside MediaPipe"
    newest = audited_pins[0].pin
    better = [soc for soc in socs if _judge(newest, target, (soc,)).verdict == "gpu"]
    if better:
        names = ", ".join(soc.family for soc in better)
        ways += f"; for {names} boards alone: --module"
    return (
        f"MediaPipe {version} itself stays on the CPU here. MediaPipe {barred.pin.version}, which "
        f"has GPU inside, was refused: {barred.reason}",
        f"What would change it: {ways}.",
    )


def _translated_note(pin: Pin) -> str:
    about = table.core(pin.core).about
    return (
        f"MediaPipe {pin.version} is translated for {about}: shown on emulated cores, on no "
        "board yet (docs/older-boards.md). --allow-cpu takes an official wheel instead."
    )
