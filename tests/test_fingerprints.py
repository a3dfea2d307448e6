"""Names made from hashes: stable, and different where the content is."""

from __future__ import annotations

from assay.fingerprints import group_digest


def test_group_digest_is_stable_and_short():
    # Model folders keep these digests: another form would forget what a model has seen.
    assert group_digest("chelsea") == "1ecd41c03ef78bd6"  # pragma: allowlist secret


def test_group_digest_takes_names_beyond_ascii():
    assert len({group_digest(name) for name in ("", "Möwe", "Mowe")}) == 3
