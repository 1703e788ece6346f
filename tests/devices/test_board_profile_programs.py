"""The stand-in programs run for real, and read by the kit's own readers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mediapipe_jetson.doctor import device
from mediapipe_jetson.verify import hardware

from jetson_kit.targets import table as targets
from jetson_kit.virtual_devices import board_profile, board_rows
from tests.devices.stage import on_stage

pytestmark = pytest.mark.slow

FOLDER = board_rows.load()["folder"]
BUSY = "mkdir -p /run/mediapipe-jetson; echo {} >/run/mediapipe-jetson/gpu-busy\n"
# A module and a release of each form of tegrastats' line.
FORMS = {
    "tx1": ("tx1", "32.7.1"),
    "nano": ("nano", "32.7.6"),
    "tx2": ("tx2-nx", "32.7.6"),
    "xavier-4": ("agx-xavier", "32.7.6"),
    "xavier-nx-4": ("xavier-nx", "32.7.6"),
    "jetpack-5": ("orin-nx-8gb", "35.6.0"),
    "jetpack-6": ("orin-nano-8gb", "36.4.4"),
    "jetpack-7": ("agx-orin", "39.2.1"),
    "thor": ("agx-thor", "38.4.0"),
}


def made(module_id: str, release: str) -> board_profile.BoardProfile:
    return board_profile.make(module_id, release, "container", "amd64")


def test_every_form_is_used() -> None:
    rows = [
        board_rows.pick(module.id, target.l4t)
        for target in targets.load().all
        for module in target.modules
    ]
    assert (
        {board_profile.tegrastats_form(row) for row in rows}
        == set(FORMS)
        == set(board_rows.load()["tegrastats"])
    )
    for form, (module_id, release) in FORMS.items():
        assert board_profile.tegrastats_form(board_rows.pick(module_id, release)) == form


@pytest.mark.parametrize("form", FORMS)
def test_tegrastats_tells_what_it_is_steered_to(tmp_path: Path, form: str) -> None:
    lines = on_stage(
        tmp_path,
        made(*FORMS[form]),
        BUSY.format(87) + "timeout -s INT 2 tegrastats --interval 50 | head -n 3 || :\n"
        "echo 0 >/run/mediapipe-jetson/gpu-busy\n"
        "timeout -s INT 2 tegrastats --interval 50 | head -n 2 || :\n",
    ).splitlines()
    assert ["stand-in" in line for line in lines] == [True, False, False, True, False]
    readings = [hardware.tegrastats_percent(line) for line in lines]
    # Thor leaves the percentage out at rest.
    assert readings == [None, 87.0, 87.0, None, None if form == "thor" else 0.0]
    cores = re.search(r"CPU \[([^\]]+)\]", lines[1])
    assert cores
    row = board_rows.pick(*FORMS[form]).row
    assert len(cores[1].split(",")) == row["cores"]
    assert f"/{row['ram_mb']}MB" in lines[1]
    assert bool(re.match(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d RAM ", lines[1])) == (
        not FORMS[form][1].startswith("32")
    )


def test_tegrastats_follows_the_real_load_and_runs_behind(tmp_path: Path) -> None:
    lines = on_stage(
        tmp_path,
        made("orin-nano-8gb", "36.4.4"),
        "tegrastats --start --interval 100 --logfile /run/log\n"
        "for core in 1 2 3 4; do (while :; do :; done) & done\n"
        "sleep 1.5; kill %1 %2 %3 %4 2>/dev/null || kill $(jobs -p) || :\n"
        "tegrastats --stop; sleep 0.3; n=$(wc -l </run/log); sleep 0.5\n"
        'test "$n" = "$(wc -l </run/log)"; echo @@; cat /run/log\n',
    ).partition("@@\n")[2].splitlines()  # fmt: skip
    assert "stand-in" in lines[0]
    readings = [hardware.tegrastats_percent(line) or 0.0 for line in lines[1:]]
    assert len(readings) >= 5
    assert max(readings) > 90


def test_tegrastats_of_another_user_has_no_clocks(tmp_path: Path) -> None:
    lines = on_stage(
        tmp_path,
        made("agx-orin", "35.6.0"),
        BUSY.format(12) + "setpriv --reuid 65534 --clear-groups "
        "timeout -s INT 2 tegrastats --interval 50 | head -n 2 || :\n",
    ).splitlines()
    assert "EMC_FREQ 2% GR3D_FREQ 12% VIC_FREQ" in lines[1]
    assert hardware.tegrastats_percent(lines[1]) == 12.0


@pytest.mark.parametrize(("module_id", "release"), FORMS.values())
def test_power_modes_persist_and_are_read(tmp_path: Path, module_id: str, release: str) -> None:
    stage = on_stage(
        tmp_path,
        made(module_id, release),
        "nvpmodel -q; nvpmodel -m 0; nvpmodel -q; nvpmodel -p --verbose; echo @@\n"
        "cat /etc/nvpmodel.conf; echo @@; cat /var/lib/nvpmodel/status\n"
        "if nvpmodel -m 99 2>/run/why; then exit 1; fi; cat /run/why; jetson_clocks --show\n"
        "jetson_clocks; jetson_clocks --show | grep GPU; jetson_clocks --restore\n"
        "jetson_clocks --show | grep GPU\n",
    )
    queried, conf, rest = stage.split("@@\n")
    row = board_rows.pick(module_id, release).row
    names = [name for name, _ in row["modes"]]
    # The doctor's expression, which takes any line before it.
    matches = re.findall(r"NV Power Mode:\s*(\S+)\s+(\d+)", queried)
    default = row["default"]
    assert matches == [(names[default], str(default)), (names[0], "0")]
    listed = re.findall(r"NVPM VERB: POWER_MODEL: ID=(\d+) NAME=(\S+)", queried)
    assert listed == [(str(number), name) for number, name in enumerate(names)]
    assert device.power_modes(conf) == {
        number: (name, float(hertz)) for number, (name, hertz) in enumerate(row["modes"])
    }
    assert rest.startswith("pmode:0000\n")
    assert "NVPM ERROR" in rest
    assert f"SOC family:{board_rows.pick(module_id, release).soc}  Machine:{row['model']}" in rest
    gpu = [tuple(map(int, re.findall(r"=(\d+)", line))) for line in rest.splitlines()
           if line.startswith("GPU ")]  # fmt: skip
    assert gpu[0] == gpu[2]
    assert len(set(gpu[1])) == 1
    assert gpu[1][0] == row["modes"][0][1]


@pytest.mark.parametrize(
    ("module_id", "release", "name", "driver", "use"),
    [
        ("orin-nano-8gb", "36.4.4", "Orin (nvgpu)", "540.4.0", "[N/A]"),
        ("orin-nano-8gb", "36.5.0", "Orin (nvgpu)", "540.5.0", "[N/A]"),
        ("agx-thor", "38.2.2", "NVIDIA Thor", "580.00", "0 %"),
        ("agx-thor", "39.2.1", "NVIDIA Thor", "595.78", "0 %"),
    ],
)
def test_nvidia_smi(
    tmp_path: Path, module_id: str, release: str, name: str, driver: str, use: str
) -> None:
    lines = on_stage(
        tmp_path,
        made(module_id, release),
        "nvidia-smi; nvidia-smi --query-gpu=name,driver_version,utilization.gpu "
        "--format=csv,noheader\n",
    ).splitlines()
    assert lines[-1] == f"{name}, {driver}, {use}"
    table = "\n".join(lines[:-2])
    assert f"Driver Version: {driver}" in table
    assert "Not Supported" in table
    widths = {len(line) for line in lines[2:-2]}
    assert len(widths) == 1


def test_no_nvidia_smi_before_r36(tmp_path: Path) -> None:
    stage = on_stage(tmp_path, made("nano", "32.7.6"), "command -v nvidia-smi || echo none\n")
    assert stage == "none\n"


def test_every_program_says_first_that_it_is_a_stand_in(tmp_path: Path) -> None:
    calls = {
        "nvpmodel": "-q", "jetson_clocks": "--show", "tegrastats": "--stop", "nvidia-smi": "-L",
        "nvidia-ctk": "--version", "nvidia-container-runtime": "--version", "face": "",
        "trtexec": "--help",
    }  # fmt: skip
    inside = set(board_rows.load()["programs"]) - {"inject"}
    assert inside == set(calls)
    script = "\n".join(
        f"{FOLDER}/{name} {arguments} 2>&1 | head -n 1" for name, arguments in calls.items()
    )
    lines = on_stage(tmp_path, made("orin-nano-8gb", "36.4.4"), script).splitlines()
    assert len(lines) == len(calls)
    for name, line in zip(calls, lines, strict=True):
        assert line.startswith(f"{name}: "), line
        assert "stand-in" in line
