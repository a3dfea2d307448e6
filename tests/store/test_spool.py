"""The spool gives back what it took, whole or not at all."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.errors import StorageError
from assay.store.spool import Entry, Spool
from tests.captures import capture, image


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_append_is_found_by_id_and_by_pixels(spool: Spool):
    made = capture()
    assert spool.append(made, image("harbour"))
    assert spool.find(made.id) == Entry(made, image("harbour"))
    assert spool.find_pixels(made.pixel_digest).capture == made


def test_pending_is_in_order_of_arrival_for_another_process_too(spool: Spool, tmp_path: Path):
    made = [capture(str(n)) for n in range(20)]
    for one in made:
        spool.append(one, b"x")
    assert Spool(tmp_path / "spool").pending() == [one.id for one in made]


def test_first_append_of_an_id_counts(spool: Spool):
    first = capture()
    second = capture("another", id=first.id)
    assert spool.append(first, b"1")
    assert not spool.append(second, b"2")
    assert spool.find(first.id) == Entry(first, b"1")
    assert spool.find_pixels(second.pixel_digest) is None


@given(st.data())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_torn_or_damaged_entry_is_never_believed(spool: Spool, tmp_path: Path, data: st.DataObject):
    made = capture()
    spool.append(made, image("harbour"))
    path = tmp_path / "spool" / f"{made.id}.capture"
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    is_torn = data.draw(st.booleans())
    flipped = bytes([whole[at] ^ 0x20])
    path.write_bytes(whole[:at] if is_torn else whole[:at] + flipped + whole[at + 1 :])
    assert spool.find(made.id) is None


def test_unfinished_file_is_not_pending_and_goes_once_it_is_old(spool: Spool, tmp_path: Path):
    fresh, old = (tmp_path / "spool" / f".{name}.capture.0.tmp" for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_bytes(b"assay-spool-1 half")
    os.utime(old, (time.time() - 7200,) * 2)
    again = Spool(tmp_path / "spool")
    assert again.pending() == []
    assert fresh.exists()  # its writer may still live
    assert not old.exists()


def test_append_leaves_nothing_but_the_entry(spool: Spool, tmp_path: Path):
    made = capture()
    spool.append(made, b"x")
    spool.append(made, b"x")
    names = {path.name for path in (tmp_path / "spool").iterdir()}
    assert names == {"damaged", f"{made.id}.capture"}


def test_removed_entry_is_gone(spool: Spool):
    made = capture()
    spool.append(made, b"x")
    spool.remove(made)
    spool.remove(made)
    assert spool.pending() == []
    assert spool.find_pixels(made.pixel_digest) is None


def test_disk_that_does_not_take_it_is_an_error(spool: Spool, tmp_path: Path):
    (tmp_path / "spool").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="free space"):
        spool.append(capture(), b"x")


@pytest.mark.parametrize("name", ["../secret", "", "damaged/x", "\x00"])
def test_what_is_no_id_is_not_looked_for(spool: Spool, name: str):
    assert spool.find(name) is None
