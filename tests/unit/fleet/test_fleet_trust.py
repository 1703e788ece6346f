"""What a rollout trusts: by the keys of devices, by times, by leave for a downgrade."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError, KitError
from jetson_kit.fleet.release import release, signing, trust
from jetson_kit.fleet.release import terms as release_terms
from jetson_kit.fleet.rollout import plan as rollout_plan
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.unit.fleet.release_keys import key, own_folders, public, task

pytestmark = needs_parts("ssh-keygen")
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch)


def host(**variables: Any) -> dict[str, Any]:
    return variables


def test_a_rollout_goes_by_what_the_devices_trust(tmp_path: Path) -> None:
    result, own, other = (
        build(tmp_path / "a", "1", runnable=False),
        key(tmp_path),
        key(tmp_path, "o"),
    )
    signing.sign(result.path, own)
    line, lines = (
        signing.signers([Path(item) for item in public(*keys)]) for keys in ((own,), (own, other))
    )
    trusting = host(image_allowed_signers=line)
    trust.trusted(result, [trusting])
    trust.trusted(result, [host(image_allowed_signers="{{ vault }}")])
    with pytest.raises(IntegrityError, match="not signed by anyone"):
        text = signing.signers([Path(f"{other}.pub")])
        trust.trusted(result, [trusting, host(image_allowed_signers=text)])
    both = host(image_allowed_signers=lines, image_release_threshold=2)
    with pytest.raises(IntegrityError, match="1 of the 2 signatures"):
        trust.trusted(result, [both])
    signing.sign(result.path, other)
    trust.trusted(result, [both])
    with pytest.raises(KitError, match="whole numbers"):
        trust.anchor({"image_allowed_signers": line, "image_release_threshold": "many"})


def test_the_modules_of_the_current_folder_check_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, own = build(tmp_path / "a", "1", runnable=False), key(tmp_path)
    signing.sign(result.path, own)
    (tmp_path / "json.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    trust.trusted(result, [host(image_allowed_signers=signing.signers([Path(f"{own}.pub")]))])
    with pytest.raises(IntegrityError, match="not signed by anyone"):
        other = signing.signers([Path(f"{key(tmp_path, 'o')}.pub")])
        trust.trusted(result, [host(image_allowed_signers=other)])


def test_a_release_of_the_future_is_refused(tmp_path: Path) -> None:
    """Devices would take its time for the least that it can be, and refuse what is made today."""
    result, own = build(tmp_path / "a", "1", runnable=False), key(tmp_path)
    body = json.loads(result.path.read_text())
    now = datetime.datetime.now(datetime.UTC)
    body["created"] = (now + 30 * DAY).strftime(release_terms.FORMAT)
    result.path.write_text(json.dumps(body))
    signing.sign(result.path, own)
    line = signing.signers([Path(f"{own}.pub")])
    with pytest.raises(IntegrityError, match="still to come"):
        trust.trusted(release.load(result.folder), [host(image_allowed_signers=line)])


def test_an_expired_release_is_refused(tmp_path: Path) -> None:
    result, own = build(tmp_path / "a", "1", runnable=False), key(tmp_path)
    body = json.loads(result.path.read_text())
    body["created"], body["expires"] = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"
    result.path.write_text(json.dumps(body))
    signing.sign(result.path, own)
    line = signing.signers([Path(f"{own}.pub")])
    with pytest.raises(IntegrityError, match="has expired"):
        trust.trusted(release.load(result.folder), [host(image_allowed_signers=line)])


def test_leave_for_a_downgrade_is_part_of_the_plan() -> None:
    plan = rollout_plan.parse({"allow_downgrade": True})
    assert rollout_plan.parse(plan.as_json()).allow_downgrade is True
    assert rollout_plan.Plan().allow_downgrade is False
    with pytest.raises(BadInputError, match="allow_downgrade is 'yes'"):
        rollout_plan.parse({"allow_downgrade": "yes"})


def test_provision_refuses_hosts_for_which_nobody_signs(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(
        """all:
  hosts:
    a: {ansible_host: 192.0.2.1}
    b: {ansible_host: 192.0.2.2, image_allowed_signers: " "}
    c: {ansible_host: 192.0.2.3, image_allowed_signers: "any"}
"""
    )
    for arguments in ((), ("--tags", "image,service")):
        done = task("provision", "-i", str(hosts), *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "no key may sign releases for a, b; set image_allowed_signers to" in done.stderr
        assert "fleet.key" in done.stderr
