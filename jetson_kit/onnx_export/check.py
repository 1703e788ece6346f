"""Is an ONNX file its TFLite model? Judged by ONNX, ONNX Runtime against TFLite, and NVIDIA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jetson_kit.onnx_export import compare, export, half, nvidia, runners
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.criteria import of
from jetson_kit.onnx_export.errors import ModelUnsupportedError
from jetson_kit.onnx_export.options import Options
from jetson_kit.onnx_export.samples import Known, Sample, samples


@dataclass(frozen=True)
class Distance:
    """How far an ONNX file is from TFLite, and what speaks against it."""

    max_rel_err: float
    """The worst output's largest difference by that output's largest value."""
    tolerance: float
    """What is allowed for that output."""
    floor: float | None
    """How far TFLite's own two kernels are apart there."""
    landmarks_err: float | None
    """How far the worst landmark on photographs lies off, by the size of what it belongs to."""
    mask_err: float | None
    """How far a mask on photographs is off, on the average of its pixels."""
    reasons: tuple[str, ...]
    unjudged: str = ""
    """Why it could not be told, where nothing speaks against it."""


@dataclass(frozen=True)
class Verdict:
    """Of one file; what could not be judged here is None."""

    sub_model: str
    source: str
    source_sha256: str
    precision: str
    layout: str
    batch: str
    ok: bool | None
    max_rel_err: float
    tolerance: float
    floor: float | None
    landmarks_err: float | None
    mask_err: float | None
    checker_ok: bool
    parser_ok: bool | None
    builder_ok: bool | None
    capability_ok: bool | None
    size: int
    """Bytes of the file."""
    samples: int
    reasons: tuple[str, ...]
    unjudged: str


@dataclass(frozen=True)
class ReferenceOutputs:
    """What TFLite makes of the samples, and how far its own two kernels are apart on them."""

    samples: tuple[Sample, ...] = field(repr=False)
    outputs: tuple[runners.Arrays, ...] = field(repr=False)
    floor: compare.Apart | None = None


def reference_outputs(sub_model: SubModel, known: Known) -> ReferenceOutputs:
    """Run a model in TFLite on all of its samples. Raises ModelUnsupportedError."""
    lite = runners.Lite(sub_model)
    given = tuple(samples(sub_model.sha256, lite.shapes, known))
    outputs = tuple(lite.run(sample.arrays) for sample in given)
    try:
        plain = runners.Lite(sub_model, reference=True)
    except ModelUnsupportedError:  # a custom operator that only XNNPACK has
        return ReferenceOutputs(given, outputs)
    floor = compare.apart([plain.run(sample.arrays) for sample in given], outputs)
    return ReferenceOutputs(given, outputs, floor)


def judge(
    sub_model: SubModel, options: Options, there: ReferenceOutputs, *, build: bool = True
) -> Verdict:
    """Return the verdict on the file that the exporter writes with `options`.

    `build` has NVIDIA's builder make an engine, too. Raises ModelDamagedError and
    ModelUnsupportedError as the exporter.
    """
    # The exporter's last step is onnx.checker with inference of shapes; it raises if that objects.
    blob = export.export(sub_model, options)
    reasons = []
    if export.export(sub_model, options) != blob:
        reasons.append("a second export has other bytes")
    far = (
        _half(sub_model, options, there, blob)
        if options.precision == "fp16"
        else _single(sub_model, options, there, blob)
    )
    message = _nvidia(blob, build)
    reasons += [*far.reasons, *(text for text in message.values() if text)]
    outcomes = {f"{part}_ok": None if text is None else not text for part, text in message.items()}
    return Verdict(
        sub_model=sub_model.name,
        source=sub_model.source,
        source_sha256=sub_model.sha256,
        precision=options.precision,
        layout=options.layout,
        batch=options.batch,
        ok=None if far.unjudged and not reasons else not reasons,
        max_rel_err=far.max_rel_err,
        tolerance=far.tolerance,
        floor=far.floor,
        landmarks_err=far.landmarks_err,
        mask_err=far.mask_err,
        checker_ok=True,
        **outcomes,
        size=len(blob),
        samples=len(there.samples),
        reasons=tuple(reasons),
        unjudged=far.unjudged,
    )


PARTS = ("parser", "builder", "capability")


def _single(
    sub_model: SubModel, options: Options, there: ReferenceOutputs, blob: bytes
) -> Distance:
    """Judge a float32 file on every sample, by what TFLite's own kernels differ by."""
    result = _run(blob, there.samples, options)
    away = compare.apart(result, there.outputs).outputs
    floor = there.floor.outputs if there.floor else (None,) * len(away)
    limits = tuple(compare.tolerance(item) for item in floor)
    worst = max(range(len(away)), key=lambda item: away[item] / limits[item])
    reasons = []
    if away[worst] > limits[worst]:
        reasons.append(f"output {worst} is {away[worst]:.1e} off, more than {limits[worst]:.1e}")
    points, mask = _meaning(sub_model, there, result, reasons)
    return Distance(away[worst], limits[worst], floor[worst], points, mask, tuple(reasons))


def _half(sub_model: SubModel, options: Options, there: ReferenceOutputs, blob: bytes) -> Distance:
    """Judge an fp16 file: as ONNX Runtime computes it, and with every node rounded.

    Photographs must come near; on noise and on the range's edges nothing may overflow. Noise means
    nothing to a model: one without photographs that is far off there can't be judged.
    """
    reasons: list[str] = []
    real = [at for at, sample in enumerate(there.samples) if sample.kind == "photograph"]
    real = real or list(range(len(there.samples)))
    target = [there.outputs[at] for at in real]
    mask = of(sub_model.sha256).mask
    away, points, masked = 0.0, None, None
    for model in (blob, half.emulated(blob)):
        result = _run(model, there.samples, options)
        if compare.overflows(result, there.outputs):
            reasons.append("it overflows fp16")
        outputs = compare.apart([result[at] for at in real], target).outputs
        near = [output for at, output in enumerate(outputs) if mask is None or at != mask.output]
        away = max([away, *near])
        points, masked = _meaning(sub_model, there, result, reasons)
    unjudged = ""
    if away > compare.HALF and there.samples[real[0]].kind == "photograph":
        reasons.append(f"an output is {away:.1e} off, more than {compare.HALF:.1e}")
    elif away > compare.HALF:
        unjudged = (
            f"no photographs of the model {sub_model.sha256[:12]} are known, and on noise it is "
            f"{away:.1e} off"
        )
    whys = tuple(dict.fromkeys(reasons))
    return Distance(away, compare.HALF, None, points, masked, whys, unjudged)


def _run(blob: bytes, given: Sequence[Sample], options: Options) -> list[runners.Arrays]:
    """Run one by one, or an open batch with all of them at once."""
    run = runners.onnx_run(runners.session(blob), options.layout)
    if not options.dynamic:
        return [run(sample.arrays) for sample in given]
    inputs = zip(*(sample.arrays for sample in given), strict=True)
    outputs = run([np.concatenate(arrays) for arrays in inputs])
    return [tuple(array[place : place + 1] for array in outputs) for place in range(len(given))]


def _meaning(
    sub_model: SubModel,
    there: ReferenceOutputs,
    outputs: Sequence[runners.Arrays],
    reasons: list[str],
) -> tuple[float | None, float | None]:
    """Return how far landmarks and masks on photographs are off; add what speaks against them."""
    criteria = of(sub_model.sha256)
    real = [at for at, sample in enumerate(there.samples) if sample.kind == "photograph"]
    here, target = [outputs[at] for at in real], [there.outputs[at] for at in real]
    points = compare.landmarks_off(here, target, criteria.landmarks) if criteria.landmarks else None
    mask = compare.mask_off(here, target, criteria.mask) if criteria.mask else None
    if points is not None and points > compare.SIZE:
        reasons.append(f"a landmark is {points:.2%} off, more than {compare.SIZE:.0%}")
    if mask is not None and mask > compare.PIXELS:
        reasons.append(f"a mask is {mask:.2%} off, more than {compare.PIXELS:.1%}")
    return points, mask


def _nvidia(blob: bytes, build: bool) -> dict[str, Any]:
    """Return what each of NVIDIA's parts objects to: nothing is good, None was not judged."""
    if nvidia.library() is None:
        return dict.fromkeys(PARTS)
    builder, network, refused = nvidia.parse(blob)
    built = None
    if build:
        built = "the parser refused it" if network is None else nvidia.build(builder, network)
    return {"parser": refused, "builder": built, "capability": nvidia.capability(blob)}
