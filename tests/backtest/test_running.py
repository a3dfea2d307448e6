"""A backtest over what a real model answered: from kept numbers, and by looking again."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay import images
from assay.backtest import replay, running
from assay.backtest.estimates import NOTICES, REVIEWS
from assay.backtest.records import Backtest
from assay.backtest.running import Asked
from assay.backtest.settings import BacktestSettings
from assay.calibration import Calibration
from assay.detector import Detector
from assay.errors import ConfigError, DataError
from assay.metrics import Metric
from assay.model_folder import CALIBRATION_FILE
from assay.notices import notice
from assay.records import Label
from assay.reports import backtest as report
from assay.reports import terminal
from assay.store import Capture, HumanLabel, Notice, Store, StoreSettings, Vote
from assay.strata import stratum
from tests.captures import START
from tests.scenes import scene

PICTURES = [images.encode_jpeg(scene(seed, 64, 96), 90) for seed in range(6)]


def answered(store: Store, detector: Detector, version: str = "") -> list[Capture]:
    """`PICTURES` as a service with this model would have captured them, a quarter day apart."""
    photos = [images.decode(data) for data in PICTURES]
    made = []
    for n, (photo, verdict) in enumerate(zip(photos, detector.detect(photos), strict=True)):
        told = notice(verdict)
        capture = Capture(
            created_at=START + timedelta(hours=6 * n),
            client="<b>one</b>" if n % 2 else "two",
            pixel_digest=f"{n:064d}",
            label=verdict.label,
            score=verdict.score,
            probabilities={label.value: p for label, p in verdict.probabilities.items()},
            stratum=stratum(photo),
            needs_review=verdict.needs_review,
            findings=[{"id": f.measurement.id, "null_rate": f.null_rate} for f in verdict.findings],
            notice=Notice(told.level.value),
            notice_reason=told.reason,
            model_version=version or detector.version,
        )
        made.append(store.captures.append(capture, PICTURES[n]))
    store.drainer.drain()
    return made


@pytest.fixture(scope="module")
def detector(served_model: Path) -> Detector:
    return Detector.load(served_model)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = StoreSettings(folder=tmp_path / "store", audit_share=0.5)
    with Store.open(settings, drain=False) as opened:
        yield opened


@pytest.fixture
def moved(served_model: Path, tmp_path: Path) -> Path:
    """The same weights with a threshold below every score, and a band that holds none."""
    folder = shutil.copytree(served_model, tmp_path / "moved")
    fitted = Calibration.load(folder / CALIBRATION_FILE)
    low = replace(fitted, threshold=1e-6, review_low=0.0, review_high=1e-6)
    low.save(folder / CALIBRATION_FILE)
    return folder


def asked(model: Path, policy: str = "", captures: str = "all") -> Asked:
    return Asked(captures, model, policy, BacktestSettings(workers=1))


def test_model_that_answered_turns_nothing_and_no_image_is_read(
    store: Store, detector: Detector, served_model: Path, tmp_path: Path
):
    answered(store, detector)
    shutil.rmtree(tmp_path / "store" / "images")
    found, rows = running.run(store, asked(served_model), tmp_path)
    assert (found.captures, found.replayed, found.turns) == (6, 0, ())
    assert found.estimate(REVIEWS).change == found.estimate(NOTICES).change == Metric(0, 0, 0, 0)
    assert len(rows) == 6


def test_another_model_looks_at_every_image_again(
    store: Store, detector: Detector, moved: Path, tmp_path: Path
):
    made = answered(store, detector, version="earlier")
    found, rows = running.run(store, asked(moved), tmp_path)
    assert (found.replayed, found.old_models) == (6, {"earlier": 6})
    assert rows["new_score"].tolist() == pytest.approx([one.score for one in made])
    assert set(rows["new_label"]) <= {Label.MANIPULATED, Label.SYNTHESIZED}
    assert set(rows["new_notice"]) == {"caution"}
    assert found.estimate(NOTICES).new.value == pytest.approx(6 / 1.25)


def test_replay_goes_on_where_it_was_killed_and_asks_for_no_image_twice(
    store: Store, detector: Detector, served_model: Path, tmp_path: Path
):
    made = answered(store, detector, version="earlier")
    wanted = {one.pixel_digest: one.id for one in made}
    seen: list[str] = []

    def image_of(name: str) -> bytes | None:
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(name)
        return store.captures.image(name)

    monkeyed = replay.in_batches

    def small(examined):  # a batch an image, so that the kill comes between two
        for pair in examined:
            yield from monkeyed([pair])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "in_batches", small)
        patch.setattr(
            replay, "examined_photos", lambda make, items, _: ((i, make(i)) for i in items)
        )
        with pytest.raises(KeyboardInterrupt):
            replay.rescore(served_model, wanted, image_of, tmp_path, 1)
        assert len(seen) == 4
    late: list[str] = []
    told: list[tuple[int, int]] = []
    found = replay.rescore(
        served_model,
        wanted,
        lambda name: late.append(name) or store.captures.image(name),
        tmp_path,
        1,
        lambda done, total, _: told.append((done, total)),
    )
    assert sorted([*seen, *late]) == sorted(wanted.values())
    assert (told[0], told[-1]) == ((4, 6), (6, 6))
    assert [1 - found[one.pixel_digest].probabilities[0] for one in made] == pytest.approx(
        [one.score for one in made]
    )
    assert replay.rescore(served_model, wanted, pytest.fail, tmp_path, 1) == found


def test_image_that_is_gone_is_left_out_and_said(
    store: Store, detector: Detector, moved: Path, tmp_path: Path
):
    answered(store, detector, version="earlier")
    next((tmp_path / "store" / "images").rglob("*/*")).unlink()
    found, _ = running.run(store, asked(moved), tmp_path)
    assert (found.captures, found.left_out) == (5, {"image cannot be read any more": 1})
    assert any("1 captures are left out" in doubt for doubt in report.doubts(found))


def test_policy_file_is_followed_and_errors_are_estimated(
    store: Store, detector: Detector, served_model: Path, tmp_path: Path
):
    for one in answered(store, detector):
        store.feedback.record(one.id, "ada", Vote(HumanLabel.AUTHENTIC, seconds=30.0))
    file = tmp_path / "loud.yaml"
    file.write_text("threshold: 0.000001\nreview: {low: 0, high: 0.000001}\nreview_share: 0.5\n")
    found, rows = running.run(store, asked(served_model, str(file)), tmp_path)
    wrong = found.estimate("wrong notices")
    assert wrong.new is not None
    assert wrong.new.value > 0
    assert found.policy_name == "loud.yaml"
    assert found.seconds_per_case is not None
    assert found.seconds_per_case.value == 30
    old, new, change = running.hours(found)
    assert None not in (old, new, change)
    assert new.value - old.value == pytest.approx(change.value)
    assert new.value == pytest.approx(found.estimate(REVIEWS).new.value * 30 / 3600)
    assert rows["new_review"].sum() <= rows["old_review"].sum()


def test_span_chooses_captures_and_an_empty_one_is_an_error(
    store: Store, detector: Detector, served_model: Path, tmp_path: Path
):
    answered(store, detector)
    day = START.date().isoformat()
    found, _ = running.run(store, asked(served_model, captures=day), tmp_path)
    assert found.captures == 2
    with pytest.raises(DataError, match="no captures to decide again in '1999-01-01'"):
        running.run(store, asked(served_model, captures="1999-01-01"), tmp_path)


def test_policy_that_is_gone_meanwhile_is_named(store: Store, served_model: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        running.run(store, asked(served_model, str(tmp_path / "gone.yaml")), tmp_path)


@pytest.fixture
def changed(store: Store, detector: Detector, moved: Path, tmp_path: Path) -> tuple[Backtest, str]:
    """A backtest in which every image turns, and its page."""
    for one in answered(store, detector, version="earlier")[:3]:
        store.feedback.record(one.id, "ada", Vote(HumanLabel.AUTHENTIC, seconds=30.0))
    found, rows = running.run(store, asked(moved), tmp_path)
    return found, report.page(found, rows, store.captures.image).html


def test_page_shows_old_beside_new_with_pictures_and_loads_nothing(changed: tuple[Backtest, str]):
    found, html = changed
    pictures = html.count("data:image/webp")
    assert pictures == sum(len(turn.examples) for turn in found.turns) > 0
    assert "as served" in html
    assert "as tried" in html
    for line in report.lines(found):
        assert line.new in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert "mathdefault" not in base64.b64decode(_figures(html)[1]).decode()


def _figures(html: str) -> list[str]:
    return re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)


def test_small_numbers_keep_their_digits():
    assert report.number(Metric(0.047, 0.04, 0.06, 9)) == "0.047 (0.040 to 0.060)"
    assert report.number(Metric(1234.5, 1200, 1300, 9), "+") == "+1,234 (+1,200 to +1,300)"
    assert report.number(None) == "-"


def test_verdict_of_a_waiting_audit_is_not_shown(changed: tuple[Backtest, str], store: Store):
    found, _ = changed
    hidden = {
        one.id
        for one in store.answers.between(None, None)
        if one.selection_reason == "audit" and one.human_label is None
    }
    shown = {one.capture_id for turn in found.turns for one in turn.examples}
    assert shown
    assert not hidden & shown


def test_result_survives_storing_and_the_terminal_shows_it(changed: tuple[Backtest, str]):
    found, _ = changed
    again = Backtest.model_validate_json(json.dumps(json.loads(found.model_dump_json())))
    assert again == found
    console = terminal.console()
    with console.capture() as shown:
        console.print(terminal.backtest(found))
    assert "review hours" in shown.get()
    assert report.lines(found)[0].new in shown.get()
