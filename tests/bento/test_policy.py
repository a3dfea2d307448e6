"""The service follows a policy file: what a backtest was run with is what is then served."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import images
from assay.backtest import running
from assay.backtest.running import Asked
from assay.backtest.settings import BacktestSettings
from assay.calibration import Calibration
from assay.case_verification import verify
from assay.errors import ConfigError
from assay.model_folder import CALIBRATION_FILE
from assay.store import StoreSettings
from bento.assembly import model_card
from bento.settings import ServiceSettings
from tests.bento import services
from tests.scenes import scene

PICTURES = [images.encode_jpeg(scene(seed, 64, 96), 90) for seed in range(4)]
LOUD = "threshold: 0.000001\nreview: {low: 0, high: 0.000001}\n"
"""Everything is called not authentic, and nothing is handed to people."""


def policy(folder: Path, text: str) -> Path:
    file = folder / "policy.yaml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def told(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What one store was asked without a policy, foreseen under one, and answered under it."""
    folder = tmp_path_factory.mktemp("policy")
    store, file = {"audit_share": 0.0}, policy(folder, f"{LOUD}audit_share: 1.0\n")
    with services.running(served_model, folder / "store", store=store) as service:
        before = [service.detected(data) for data in PICTURES]
        service.runtime.store.drainer.drain()
        asked = Asked("all", served_model, str(file), BacktestSettings(workers=1))
        _, rows = running.run(service.runtime.store, asked, folder)
    with services.running(served_model, folder / "store", store=store, policy=file) as service:
        after = [service.detected(data) for data in PICTURES]
        again = service.detected(PICTURES[0])
        kept = service.runtime.store.captures.get(after[0]["id"])
        model = service.client.get("/v1/model").json()
        cases = [
            service.client.get(f"/v1/detections/{one['id']}/case.zip").content
            for one in (before[0], after[0])
        ]
    found = {"before": before, "after": after, "again": again, "kept": kept}
    return found | {"rows": rows, "model": model, "cases": cases}  # fmt: skip


def test_what_the_backtest_foresaw_is_what_is_then_served(told: dict):
    rows = told["rows"].sort_values("capture_id")
    assert [one["label"] for one in told["after"]] == rows["new_label"].tolist()
    assert [one["needs_review"] for one in told["after"]] == rows["new_review"].tolist()
    assert [one["notice"]["level"] for one in told["after"]] == rows["new_notice"].tolist()
    assert [one["label"] for one in told["before"]] == rows["old_label"].tolist()
    assert "authentic" not in rows["new_label"].tolist()
    assert rows["old_review"].any() or "authentic" in rows["old_label"].tolist()


def test_answer_of_another_policy_is_not_repeated_and_one_of_this_is(told: dict):
    assert all(one["answered_from"] is None for one in told["after"])
    assert told["again"]["answered_from"] == told["after"][0]["id"]


def test_audits_are_drawn_as_the_policy_says(told: dict):
    assert (told["kept"].is_audit, told["kept"].selection_probability) == (True, 1.0)


def test_model_is_shown_with_the_thresholds_in_force(told: dict):
    assert told["model"]["threshold"] == pytest.approx(1e-6)
    assert told["model"]["review_band"] == pytest.approx([0, 1e-6])


def test_case_files_of_either_policy_verify(told: dict, tmp_path: Path):
    for number, data in enumerate(told["cases"]):
        (tmp_path / f"{number}.zip").write_bytes(data)
        assert verify(tmp_path / f"{number}.zip").differences == ()


def test_policy_that_cannot_be_read_ends_the_start(served_model: Path, tmp_path: Path):
    file = policy(tmp_path, "treshold: 0.5\n")
    settings = ServiceSettings(model=served_model, policy=file)
    with pytest.raises(ConfigError, match=r"policy\.yaml: treshold: unknown setting"):
        model_card(settings)


def test_file_is_named_by_the_environment(
    served_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASSAY_MODEL", str(served_model))
    monkeypatch.setenv("ASSAY_POLICY", str(policy(tmp_path, "review_share: 0.5\n")))
    card = model_card(ServiceSettings.from_environment())
    assert card.policy.drawing(StoreSettings(folder=tmp_path)).review_share == 0.5
    assert card.calibration == Calibration.load(served_model / CALIBRATION_FILE)
