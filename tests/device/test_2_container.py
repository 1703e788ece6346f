"""The service's container: exact sets, no right more and none less."""

from __future__ import annotations

from jetson_kit.service import container_facts
from tests.device.board import START, Board, fail, nothing

AGAIN = f"remove the container and {START}"


def test_it_runs(board: Board) -> None:
    health = (board.inspect["State"].get("Health") or {}).get("Status", "none")
    if health == "unhealthy":
        logged = board.inspect["State"]["Health"]["Log"][-1:]
        fail("the container is unhealthy", [str(item["Output"]).strip() for item in logged],
             "read the line above; docker logs tells more")  # fmt: skip


def test_image(board: Board) -> None:
    image = board.expected.image
    if image:
        image = board.must(
            f"the expected image {image} is not on the host",
            "docker", "image", "inspect", "--format", "{{.Id}}", image,
            remedy="load or pull it: the container runs another",
        ).strip()  # fmt: skip
    identity = container_facts.identity(board.seen, image)
    nothing("another image runs", identity, "roll the expected image out, or set mediapipe_image")


def test_privilege(board: Board) -> None:
    result = container_facts.privilege(board.seen, board.service)
    nothing("the container has other rights than it must have", result, AGAIN)


def test_it_is_started_again(board: Board) -> None:
    """By systemd, where a unit runs it: the engine's own policy is `no` then."""
    unit = container_facts.unit(board.seen)
    if not unit:
        return  # the policy is part of its rights
    facts = board.must(f"{unit} is not known", "systemctl", "show", unit, "--property",
                       "Restart,UnitFileState,ActiveState")  # fmt: skip
    result = dict(line.split("=", 1) for line in facts.split())
    expected = {"Restart": "always", "UnitFileState": "enabled", "ActiveState": "active"}
    lines = [f"{key}: {result.get(key)} instead of {value}" for key, value in expected.items()
             if result.get(key) != value]  # fmt: skip
    nothing(f"{unit} does not start it again", lines, f"run: systemctl enable --now {unit}")


def test_capabilities(board: Board) -> None:
    result = container_facts.rights(board.seen, board.service)
    nothing("the container has other capabilities than it must have", result, AGAIN)


def test_user_and_groups(board: Board) -> None:
    result = container_facts.user(board.seen, board.service, board.device)
    nothing("the container runs as somebody else", result, AGAIN)


def test_devices(board: Board) -> None:
    devices = container_facts.devices(board.seen, board.device, board.expected.extra)
    nothing("the container has other devices than it must have", devices, AGAIN)


def test_mounts(board: Board) -> None:
    mounts = container_facts.mounts(board.seen, board.service, board.device, board.expected.extra)
    nothing("the container has other mounts than it must have", mounts, AGAIN)


def test_root_is_read_only(board: Board) -> None:
    root = container_facts.root(board.seen, board.service)
    nothing("the root file system takes files", root, AGAIN)


def test_runtime_and_variables(board: Board) -> None:
    names = container_facts.digests(board.seen)
    given = board.seen.environment.get("MEDIAPIPE_JETSON_IMAGE_DIGEST", "")
    image = given if given in names else board.inspect["Image"]
    runtime = container_facts.runtime(board.seen, board.service, board.device, image)
    nothing("the container is started otherwise than it must be", runtime, AGAIN)
