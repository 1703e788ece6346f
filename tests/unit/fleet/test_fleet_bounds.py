"""The controller's records have an end: what goes, and what must stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.ansible_driver import logs
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import bounds, status
from jetson_kit.fleet.rollout.journal import Journal
from jetson_kit.fleet.rollout.plan import Plan, Wave

IMAGE = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MOST_RUNS", 3), ("MOST_PROVISIONS", 2)):
        monkeypatch.setattr(bounds, name, value)
    monkeypatch.setattr(logs, "LOG_BYTES", 100)


def rollout(folder: Path, number: int, host: str = "a", *, ended: bool = True) -> Path:
    path = controller.rollouts(folder) / f"2026010{number}-000000-aaaaaa.jsonl"
    journal = Journal.new(
        path, kind="rollout", by={"host": "here", "pid": 1}, inventory="/hosts.yml",
        release={"image_id": IMAGE, "name": "v"}, plan=Plan().as_json(),
        waves=(Wave("canary", (host,)),), hosts=[host],
    )  # fmt: skip
    if ended:
        journal.append("host", host=host, state="confirmed", image_id=IMAGE)
        journal.append("end", result="all")
    journal.close()
    place = path.with_suffix("")
    place.mkdir()
    (place / "log").write_text("x" * 50)
    (place / "ansible.jsonl").write_text("y" * 50)
    return path


def left(folder: Path) -> list[str]:
    return [path.name[7] for path in sorted(controller.rollouts(folder).glob("*.jsonl"))]


def test_the_oldest_go_with_all_that_they_left(tmp_path: Path) -> None:
    rollouts = [rollout(tmp_path, number) for number in range(1, 7)]
    bounds.trim(tmp_path)
    assert left(tmp_path) == ["4", "5", "6"]
    assert not rollouts[0].with_suffix("").exists()


def test_what_is_open_or_says_last_of_a_host_stays(tmp_path: Path) -> None:
    rollout(tmp_path, 1, "only-here")
    rollout(tmp_path, 2, ended=False)
    for number in range(3, 8):
        rollout(tmp_path, number)
    known = status.known(tmp_path, Path("/hosts.yml"))
    bounds.trim(tmp_path)
    assert left(tmp_path) == ["1", "2", "5", "6", "7"]
    assert status.known(tmp_path, Path("/hosts.yml")) == known


def test_a_damaged_journal_goes_in_its_turn(tmp_path: Path) -> None:
    rollout(tmp_path, 1).write_text("{}\n")
    for number in range(2, 6):
        rollout(tmp_path, number)
    bounds.trim(tmp_path)
    assert left(tmp_path) == ["3", "4", "5"]


def test_logs_of_old_rollouts_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LOGS_BYTES", 250)
    rollouts = [rollout(tmp_path, number) for number in range(1, 4)]
    bounds.trim(tmp_path)
    sizes = [
        sum(item.stat().st_size for item in path.with_suffix("").iterdir()) for path in rollouts
    ]
    assert sizes == [50, 100, 100]
    assert left(tmp_path) == ["1", "2", "3"]


def test_logs_of_provisioning(tmp_path: Path) -> None:
    (tmp_path / "provision").mkdir()
    for number in range(5):
        (tmp_path / "provision" / f"{number}.jsonl").write_text("x")
        (tmp_path / "provision" / f"{number}.jsonl.1").write_text("x")
    bounds.trim(tmp_path)
    assert sorted(path.name[0] for path in (tmp_path / "provision").iterdir()) == list("3344")


def test_a_log_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "x" / "log"
    for turn in range(3):
        with logs.log(path) as log:
            for line in range(20):
                log.write(f"{turn} {line:08}\n")
    sizes = {item.name: item.stat().st_size for item in path.parent.iterdir()}
    assert set(sizes) == {"log", "log.1"}
    assert all(size <= logs.LOG_BYTES for size in sizes.values())
    assert path.read_text().endswith("2 00000019\n")


def test_one_line_that_is_longer_stands_alone(tmp_path: Path) -> None:
    with logs.log(tmp_path / "log") as log:
        for text in ("a\n", "b" * 500 + "\n", "c\n"):
            log.write(text)
    assert (tmp_path / "log").read_text() == "c\n"
    assert (tmp_path / "log.1").read_text() == "b" * 500 + "\n"
