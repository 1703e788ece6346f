"""Negative controls: where there is no GPU, verify must not say gpu, whatever claims otherwise."""

from __future__ import annotations

import pytest

from tests.device.board import EDIT, Board, Verified, checked, fail


@pytest.fixture(autouse=True)
def wanted(board: Board) -> None:
    """Skip where the inventory leaves the controls out."""
    if not board.expected.controls:
        pytest.skip("mediapipe_controls is false in the inventory")


def never_gpu(done: Verified, what: str) -> None:
    verdicts = {done.report["verdict"], *(t["verdict"] for t in done.report["tasks"].values())}
    if "gpu" in verdicts:
        fail(f"{what}, yet verify says gpu", done.evidence(), "report this with the JSON")


@pytest.mark.parametrize("value", ["none", "void"])
def test_without_devices_there_is_no_gpu(board: Board, value: str) -> None:
    done, nodes = board.throwaway({"NVIDIA_VISIBLE_DEVICES": value}, *board.first)
    if nodes:
        fail(f"with NVIDIA_VISIBLE_DEVICES={value} the container has devices", nodes,
             "another OCI hook or the default runtime brings them in")  # fmt: skip
    never_gpu(done, f"with NVIDIA_VISIBLE_DEVICES={value} the container has no device")


def test_on_the_cpu_it_is_the_cpu(board: Board) -> None:
    done = board.on_cpu
    if done.code or done.report["verdict"] != "cpu":
        fail(f"the CPU was requested, found {done.report['verdict']}", done.evidence())


def test_software_is_never_gpu(board: Board) -> None:
    """Mesa's rasterizer under NVIDIA's name."""
    if not board.has_software:
        pytest.skip("the image has no software driver")
    done = board.renamed
    never_gpu(done, "the driver is a software rasterizer")
    if done.code or done.report["verdict"] != "software":
        fail(f"software was expected, found {done.report['verdict']}", done.evidence())


def test_an_edited_report_is_judged_by_its_observations(board: Board) -> None:
    honest = board.verified.report["verdict"]
    claim = "cpu" if honest == "gpu" else "gpu"
    source, edited, second = f"{board.folder}/suite.json", "/tmp/edited.json", "/tmp/again.json"
    board.exec("python3", "-c", EDIT, source, edited, claim)
    if checked(board.left(edited))["verdict"] != claim:
        fail("the report could not be edited")
    code, _, _ = board.run(
        "docker", "exec", board.inspect["Id"], "python3", "-m", "mediapipe_jetson", "verify",
        "--read", edited, "--json", second, "--expect", claim,
    )  # fmt: skip
    verdict = checked(board.left(second))["verdict"]
    if code == 0 or verdict != honest:
        fail(
            f"a report edited to say {claim} was judged {verdict} (exit code {code}), not {honest}"
        )


def test_no_control_left_anything(board: Board) -> None:
    """The controls ran beside the service, not in its place."""
    parts = board.must("no container", "docker", "inspect", "--format",
                       "{{.State.Pid}} {{.RestartCount}}", board.inspect["Id"]).split()  # fmt: skip
    assert parts == [str(board.inspect["State"]["Pid"]), str(board.inspect["RestartCount"])]
