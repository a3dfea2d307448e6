"""The picture of a load, its files, and the sentences that its numbers need."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from assay import images
from assay.load.pacing import Load, Pace
from assay.load.summary import Summary, summarise
from assay.load.uploads import BUNDLED, Uploads
from assay.records import Label, Rejected
from assay.reports import load as report
from tests.load.made import answer, load


def mixed() -> Load:
    """Verdicts of two models, refusals and failures."""
    verdicts = [
        answer(number, 0.05 + number / 1000, model_version="7" if number < 60 else "8")
        for number in range(120)
    ]
    refused = [answer(number, 0.002, status=429, error="429 overloaded") for number in range(5)]
    return load(*verdicts, *refused, answer(130, 5.0, status=0, error="reset"))


def summed(made: Load, origin: str = "here", rejected: tuple[Rejected, ...] = ()) -> Summary:
    return summarise(made, "http://h", Pace(rate=10, seconds=12), Uploads((), origin, rejected))


def told(summary: Summary) -> str:
    console = Console(file=io.StringIO(), width=160, markup=False)
    for part in report.tables(summary):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_picture_shows_each_kind_and_where_another_model_begins():
    drawn = report.latencies(mixed(), summed(mixed()))
    over_time, counts = drawn.axes
    named = {line.get_label(): len(line.get_xdata()) for line in over_time.lines}
    assert (named["verdict"], named["refused"], named["failed"]) == (120, 5, 1)
    assert {"p50", "p95"} <= set(named)
    assert [text.get_text().strip() for text in over_time.texts] == ["8"]
    assert sum(bar.get_width() for bar in counts.patches) == 120


@pytest.mark.parametrize("made", [load(), load(answer()), load(answer(status=0, error="reset"))])
def test_load_with_hardly_an_answer_is_drawn(made: Load, tmp_path: Path):
    assert len(report.write(made, summed(made), tmp_path)) == 4


def test_files_hold_the_same_numbers(tmp_path: Path):
    made, folder = mixed(), tmp_path / "new"
    files = {path.name: path for path in report.write(made, summed(made), folder)}
    rows = list(csv.DictReader(files["requests.csv"].read_text().splitlines()))
    facts = json.loads(files["summary.json"].read_text())
    assert len(rows) == facts["requests"] == 126
    assert facts["statuses"] == {"200": 120, "429": 5, "no answer": 1}
    assert images.decode(files["latency.png"].read_bytes()).format == "PNG"
    assert files["latency.svg"].read_text().lstrip().startswith("<?xml")


def test_terminal_shows_what_was_found():
    text = told(summed(mixed()))
    for part in ("120, ", "429: 5", "7: 60, 8: 60", "p99", "no verdict, 5", "429 overloaded"):
        assert part in text


def test_terminal_says_what_the_numbers_do_not():
    labelled = answer(0, expected=Label.AUTHENTIC, image="a")
    again = answer(1, 0.01, image="a", answered_from="x")
    stopped = load(labelled, again, unfinished=3, is_interrupted=True)
    text = told(summed(stopped, f"{BUNDLED}, seed 1", (Rejected("gone.jpg", "no such file"),)))
    for part in ("Stopped by Ctrl-C", "told of: 3", "sent before: 1", "asked: 1", "learned from"):
        assert part in text
    assert "gone.jpg: no such file" in text
    assert "given up: 3" in told(summed(load(labelled, unfinished=3)))
