"""The GPU's graph of the translated library on a board's core, against the original's, in software.

Both run under user emulation on Mesa's rasterizer; what is compared are all numbers of the results.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.translate import inference
from bench.translate.command import CORE
from bench.translate.inference import Pair

pytestmark = [pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
# How many numbers two photographs give: landmarks, categories, matrices, masks.
LEAST = {"face": 478 * 3, "hand": 21 * 3, "pose": 33 * 3, "selfie": 512 * 512}


@pytest.fixture(scope="module")
def sites() -> Iterator[Pair]:
    with inference.pair(CORE) as pair:
        yield pair


@pytest.mark.parametrize("task", inference.VIDEO_TASKS)
def test_the_gpus_graph_gives_what_the_original_gives(sites: Pair, task: str) -> None:
    done = inference.graph(sites, task)
    assert done["results"] == 2
    assert done["numbers"] >= LEAST[task]
    assert "Mesa" in done["opengl"]
    print(f"{task}: {done['numbers']} numbers, apart by at most {done['largest_difference']:g}")
