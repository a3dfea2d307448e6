"""The page of a dataset: counts, licences, and a contact sheet over different photographs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import images
from assay.dataset import MANIFEST, Dataset
from assay.records import Label, Split
from assay.reports import dataset as report
from tests.datasets import stored
from tests.scenes import sample

HOSTILE = "<script>alert(1)</script>"


def many(path: Path) -> Dataset:
    """Sixty small images of three photographs, two kinds, two licences."""
    rows = [
        sample(
            0,
            32,
            32,
            image_id=f"image-{number}",
            label=Label.SYNTHESIZED if number % 2 else Label.AUTHENTIC,
            manipulation="resynthesis" if number % 2 else "",
            split=list(Split)[number // 20],
            group=f"photograph-{number // 20}",
            licence="CC0-1.0" if number < 20 else "",
        )
        for number in range(60)
    ]
    return stored(path, rows)


def test_page_counts_labels_kinds_and_splits(tmp_path: Path) -> None:
    rows = report.described(many(tmp_path))
    counted = report.counted_by(rows, ["label", "manipulation"])
    assert counted == [
        ("authentic", "", "10", "10", "10", "30", "3"),
        ("synthesized", "resynthesis", "10", "10", "10", "30", "3"),
    ]
    assert next(report.in_splits(rows)) == ("train", "20", "1")


def test_page_answers_which_images_have_which_licence_in_which_split(tmp_path: Path) -> None:
    html = report.page(many(tmp_path)).html
    cells = "".join(line.strip() for line in html.splitlines())
    row = '<td class="number">20</td><td class="number">0</td><td class="number">0</td>'
    assert f"<td>CC0-1.0</td><td>scenes</td>{row}" in cells
    assert "<td>photograph-0</td>" in cells
    assert "<td>not stated</td>" in cells
    assert "photograph-1, photograph-2" in cells


def test_page_puts_the_smallest_of_many_licences_together(tmp_path: Path) -> None:
    dataset = many(tmp_path)
    rows = report.described(dataset)
    rows["licence"] = ["common"] * 3 + [f"own-{n:02}" for n in range(57)]
    counted = report.counted_by(rows, ["licence"])
    assert len(counted) == 51
    assert counted[0] == ("common", "3", "0", "0", "3", "1")
    assert (counted[-1][0], counted[-1][-2]) == ("8 others", "8")


def test_contact_sheet_shows_each_kind_over_its_photographs(tmp_path: Path) -> None:
    dataset = many(tmp_path)
    sheet = report._contact_sheet(dataset, report.described(dataset))
    assert [(kind.label, kind.manipulation, kind.images) for kind in sheet] == [
        ("authentic", "", 30),
        ("synthesized", "resynthesis", 30),
    ]
    for kind in sheet:
        assert len(kind.cards) == report.PER_KIND
        shown = [int(card.lines[0].partition("-")[2]) // 20 for card in kind.cards]
        assert sorted(shown[:3]) == [0, 1, 2]
    assert sheet == report._contact_sheet(dataset, report.described(dataset))


def test_contact_sheet_reads_only_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    decode = images.decode
    monkeypatch.setattr(images, "decode", lambda data: decoded.append(data) or decode(data))
    report.page(many(tmp_path))
    assert len(decoded) == 2 * report.PER_KIND


def test_page_escapes_what_a_stranger_wrote(tmp_path: Path) -> None:
    fields = ("image_id", "dataset", "group", "licence", "caption", "manipulation", "source")
    hostile = sample(1, split=Split.TRAIN, **dict.fromkeys(fields, HOSTILE))
    html = report.page(stored(tmp_path, [hostile])).html
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= len(fields)


def test_page_lists_rejected_rows_with_their_reasons(tmp_path: Path) -> None:
    stored(tmp_path, [sample(1, split=Split.TRAIN)])
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    bad = [{"image_id": f"bad-{n}", "reason": HOSTILE} for n in range(30)]
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"rejected": bad}))
    html = report.page(Dataset(tmp_path)).html
    assert "bad-19" in html
    assert "bad-20" not in html
    assert "10 more are listed" in html
    assert "<script" not in html


def test_page_of_one_image_renders(tmp_path: Path) -> None:
    html = report.page(stored(tmp_path, [sample(1, split=Split.TRAIN)])).html
    assert html.count("data:image/webp") == 1
    assert "Every row of the source could be used." in html
