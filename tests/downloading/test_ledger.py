"""What the ledger keeps, and says of a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.downloading import Downloaded, Lie, NotDownloaded, Refusal
from assay.downloading.asking import Validators
from assay.downloading.ledger import FILE, Entry, Ledger
from assay.errors import StorageError

URL = "https://images.example/a.jpg"
IMAGE = Downloaded(URL, "ab" * 32, 100, "image/png", (Lie.WRONG_SIZE, Lie.WRONG_MEDIA_TYPE))
GONE = NotDownloaded(URL, Refusal.DEAD, "answers with 404")


@pytest.mark.parametrize(("image", "failure"), [(IMAGE, None), (None, GONE), (IMAGE, GONE)])
def test_an_entry_comes_back_from_another_process_s_ledger(
    image: Downloaded | None, failure: NotDownloaded | None, tmp_path: Path
):
    kept = Entry(URL, 5.5, 3, image, Validators('"e"', "Mon"), failure)
    Ledger(tmp_path).record(kept)
    assert Ledger(tmp_path).entry(URL) == kept
    assert kept.outcome == (image or failure)


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="remove it to begin anew"):
        Ledger(tmp_path)
