"""The pipeline `collect`, run for real: a run, its page, its closing table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline_runs import environment, launch
from tests.platforms import NETWORKS, Service, Time, WebPlatform

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


def test_run_has_its_page_and_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    time = Time()
    platform, service = WebPlatform(time), Service(time)
    platform.robots = ""
    with platform.running(), service.running(), environment(tmp_path):
        platform.publish(4)
        outbound = {"allowed_networks": NETWORKS, "ports": [platform.port]}
        chosen = {"collector": "web", "options": platform.options()}
        settings = {"collectors": {"news": chosen}, "service": service.url, "api": outbound}
        settings["downloads"] = {"outbound": outbound, "workers": 1}
        done = launch(tmp_path, "collect", {"collect": settings})
    assert service.images() == platform.published()
    assert "news" in capsys.readouterr().out
    (page,) = done.steps["collect_posts"].outputs["collection_report"]
    assert "images handed in" in page.load().html
