"""What a server says of when to come back."""

from email.utils import formatdate

import pytest

from assay.outbound import retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        (formatdate(NOW + 90, usegmt=True), 90),
        ("Tue, 14 Nov 2023 22:15:00 -0000", 100),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("9" * 400, 999_999_999),
        *(("", None), ("soon", None), ("-5", None), ("\u0667", None)),
    ],
)
def test_retry_after_reads_seconds_and_dates(said: str, seconds: float | None):
    assert retry_after(said, NOW) == seconds
