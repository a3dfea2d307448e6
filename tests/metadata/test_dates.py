from __future__ import annotations

import pytest

from assay.metadata import dates

TAKEN = ("EXIF DateTimeOriginal", "2004:02:29 10:00:00")


@pytest.mark.parametrize(
    "later",
    ["2004:02:29 10:02:00", "2010:01:01 00:00:00", "2004-03-02", "2004-03-01T12:00:00+02:00"],
)
def test_dates_that_disagree_are_all_named(later: str) -> None:
    ((name, value),) = dates.facts([TAKEN, ("XMP xmp:CreateDate", later)])
    assert name == "dates disagree"
    assert value == f"EXIF DateTimeOriginal 2004:02:29 10:00:00; XMP xmp:CreateDate {later}"
    assert dates.facts([TAKEN, ("XMP xmp:ModifyDate", later)])[0][0] == "dated"  # an edit is later
    assert (
        dates.facts([("XMP xmp:ModifyDate", TAKEN[1]), ("EXIF DateTimeOriginal", later)])[0][0]
        == "dates disagree"
    )


@pytest.mark.parametrize(
    "same",
    [
        "2004:02:29 10:00:30",
        "2004-02-29T10:00:00.25",
        "2004-02-29",
        "2004-02-29T18:00:00Z",
        "2004-02-29T22:00:00+12:00",
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "yesterday",
    ],
)
def test_dates_that_may_be_the_same_moment_agree(same: str) -> None:
    facts = dates.facts([TAKEN, ("XMP xmp:ModifyDate", same)])
    assert facts == (("dated", "2004:02:29 10:00:00 (EXIF DateTimeOriginal)"),)


def test_no_date_is_no_fact() -> None:
    assert dates.facts([("EXIF DateTime", "0000:00:00 00:00:00")]) == ()
