"""A poisoning key against the whole intake: it stays within its bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import poisoning


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform of few images, so that it takes seconds."""
    for name, count in {"BASE": 80, "HONEST": 64, "POISON": 64}.items():
        monkeypatch.setattr(poisoning, name, count)


def test_poisoner_who_flips_all_teaches_nothing(tmp_path: Path) -> None:
    share, _ = poisoning.learned(tmp_path, 1.0, poisoning.GUARDED)
    assert share == 0


def test_poisoner_who_does_not_stand_out_is_held_to_the_share(tmp_path: Path) -> None:
    share, _ = poisoning.learned(tmp_path, 0.15, poisoning.GUARDED)
    assert 0 < share <= 0.25


def test_without_guards_the_same_key_takes_over(tmp_path: Path) -> None:
    share, _ = poisoning.learned(tmp_path, 1.0, poisoning.UNGUARDED)
    assert share > 0.3
