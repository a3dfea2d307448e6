"""What was left out: by kind, and as a list that opens nowhere as a formula."""

from __future__ import annotations

import base64
import csv
import gzip

from assay.records import Rejected
from assay.reports import dropped

ROWS = [
    *(Rejected(f"{number}.jpg", f"dead link: {number} is gone") for number in range(30)),
    Rejected("=1+1", "unreadable: the file is not an image"),
    Rejected("odd", "Something: without a kind"),
]


def unpacked(uri: str) -> list[dict[str, str]]:
    text = gzip.decompress(base64.b64decode(uri.partition(",")[2])).decode()
    return list(csv.DictReader(text.splitlines()))


def test_table_counts_kinds_with_their_share_of_all_rows() -> None:
    assert dropped.table(ROWS, 68) == [
        ("dead link", "30", "30 %"),
        ("other", "1", "1.0 %"),
        ("unreadable", "1", "1.0 %"),
    ]


def test_download_lists_every_row() -> None:
    rows = unpacked(dropped.download(ROWS))
    assert len(rows) == 32
    assert rows[0] == {"kind": "dead link", "image_id": "0.jpg", "reason": ROWS[0].reason}
    assert {row["image_id"] for row in rows if row["kind"] == "unreadable"} == {"'=1+1"}


def test_long_lists_stay_out_of_the_page(monkeypatch) -> None:
    monkeypatch.setattr(dropped, "LARGEST_DOWNLOAD", 100)
    assert dropped.download(ROWS) == dropped.download([]) == ""
