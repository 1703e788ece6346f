"""examples/monitoring held to Prometheus itself, which scrapes MediaPipe at work."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.here import needs_parts
from tests.unit.device_wheel import live_runs
from tests.unit.device_wheel.live_runs import open_at
from tests.unit.report import samples as report_samples

pytestmark = [pytest.mark.network, pytest.mark.slow, needs_parts("prometheus", "promtool")]
HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "monitoring"
SECRET = "correct-horse-battery"


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    done = subprocess.run(
        ["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def queries() -> list[str]:
    """Return the dashboard's queries, with its variables as Grafana would fill them in."""
    dashboard = json.loads((EXAMPLE / "dashboard.json").read_text())
    result = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [item.replace("$__rate_interval", "10s").replace("$board", ".*") for item in result]


class Scraping:
    """A Prometheus that answers queries."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, query: str) -> list[Any]:
        parameters = urllib.parse.urlencode({"query": query})
        with open_at(f"{self.address}/api/v1/query?{parameters}") as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        return list(document["data"]["result"])

    def wait_for(self, query: str) -> list[Any]:
        until = time.monotonic() + 90
        while not (result := self.ask(query)):
            assert time.monotonic() < until, f"nothing came for {query}"
            time.sleep(0.5)
        return result


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraping]:
    """Run the example's Prometheus, on one board that is this machine and has a password."""
    folder = tmp_path_factory.mktemp("prometheus")
    secret = folder / "serve-password"
    secret.write_text(f"{SECRET}\n")
    report = report_samples.put(folder, "verify", report_samples.real("cpu"), time.time())
    config = yaml.safe_load((EXAMPLE / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "alerts.yml").write_text((EXAMPLE / "alerts.yml").read_text())
    with live_runs.application(secret, report) as board:
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{board.port}"]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        log = folder / "log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:0"],
                stderr=stream, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            ready = r"address=(127\S+:[1-9]\d*)[^$]*ready to receive web requests"
            while not (match := re.search(ready, log.read_text())):
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield Scraping(f"http://{match[1]}")
        finally:
            process.terminate()
            process.wait()


def test_frames_are_counted_and_the_rate_is_the_cameras(scraping: Scraping) -> None:
    scraping.wait_for("mediapipe_frames_total > 150")
    assert [row["value"][1] for row in scraping.ask('up{job="mediapipe"}')] == ["1"]
    (rate,) = scraping.wait_for("rate(mediapipe_frames_total[10s])")
    # The application gives 24 frames a second at most.
    assert 0 < float(rate["value"][1]) < 30


def test_every_query_of_the_dashboard_has_data_but_of_a_jetsons_files(scraping: Scraping) -> None:
    scraping.wait_for("rate(mediapipe_frames_total[10s]) > 0")
    jetson = re.compile("mediapipe_board_(gpu|temperature|power)")
    for query in queries():
        result = scraping.ask(query)
        assert result or jetson.search(query), query


def test_the_rule_that_is_true_here_is_pending(scraping: Scraping) -> None:
    """The report is of another machine's start: this one is not shown to use a GPU."""
    (alert,) = scraping.wait_for('ALERTS{alertname="MediapipeNotOnGpu"}')
    assert alert["metric"]["alertstate"] == "pending"
    assert not scraping.ask('ALERTS{alertname=~"MediapipeDown|MediapipeNotVerified"}')


def test_configuration_rules_and_metrics_pass_promtool(scraping: Scraping) -> None:
    promtool("check", "config", "--syntax-only", EXAMPLE / "prometheus.yml")
    promtool("check", "rules", EXAMPLE / "alerts.yml")
    (row,) = scraping.wait_for("mediapipe_build_info")
    board = row["metric"]["instance"]
    with open_at(f"http://{board}/metrics", secret=SECRET) as answer:
        text = answer.read().decode()
    assert promtool("check", "metrics", text=text) == ""


def test_each_alert_fires_when_it_should_and_not_else(tmp_path: Path) -> None:
    path = tmp_path / "test.yml"
    text = (HERE / "alerts_test.yml").read_text()
    path.write_text(text.replace("[ALERTS]", f"[{EXAMPLE / 'alerts.yml'}]"))
    promtool("test", "rules", path)
    names = set(re.findall(r"alert: (\w+)", (EXAMPLE / "alerts.yml").read_text()))
    assert names == set(re.findall(r"alertname: (\w+)", text))
    assert names == set(re.findall(r'alertname="(\w+)"', text))
