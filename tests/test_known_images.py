"""The known-image bank: durable, found again by hash, forgotten when asked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from assay import images
from assay.__main__ import main
from assay.errors import NotStored, StorageError
from assay.image_hashes import ImageHashes
from assay.known_images import FILE, MOST, VARIABLE, KnownImage, KnownImages
from assay.known_import import ANOTHER, IMPORTED, NO_HASH, TOO_FLAT, WITH_IMAGE, from_ammeba
from tests.ammeba import csvs
from tests.scenes import scene

HASHES = ImageHashes(0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F)


def known(image_id: str = "aa", url: str = "https://f.example/1", flips: int = 0) -> KnownImage:
    hashes = ImageHashes(HASHES.average_hash, HASHES.phash ^ ((1 << flips) - 1))
    return KnownImage(image_id, url, f"About {image_id}", "2023-02-23", hashes)


def ids(bank: KnownImages, hashes: ImageHashes = HASHES) -> list[tuple[str, int]]:
    return [(one.known.image_id, one.phash_distance) for one in bank.near(hashes)]


def test_near_lists_the_nearest_first_and_not_all(tmp_path: Path) -> None:
    bank = KnownImages(tmp_path)
    bank.add(known(f"i{flips}", flips=flips) for flips in (6, 7, 3, 1))
    assert ids(bank) == [("i1", 1), ("i3", 3), ("i6", 6)]
    bank.add(known("more", f"https://f.example/{n}") for n in range(2 * MOST))
    assert len(bank.near(HASHES)) == MOST


def test_near_is_exhaustive_among_many(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = [
        ImageHashes(HASHES.average_hash, HASHES.phash ^ int(sum(1 << int(b) for b in bits)))
        for bits in (rng.choice(64, rng.integers(0, 12), replace=False) for _ in range(150))
    ]
    bank = KnownImages(tmp_path)
    bank.add(KnownImage(f"{n}", "https://f.example", "", "", one) for n, one in enumerate(made))
    expected = {str(n) for n, one in enumerate(made) if one.is_near(HASHES)}
    assert {one.known.image_id for one in bank.near(HASHES, most=100)} == expected
    assert 0 < len(expected) < 100


def test_an_image_and_fact_check_that_come_again_are_one_entry(tmp_path: Path) -> None:
    bank = KnownImages(tmp_path)
    bank.add([bank.keep_image(known(), b"bytes")])
    bank.add([known()])
    (entry,) = bank.entries()
    assert bank.image(entry) == b"bytes"


def test_another_reader_sees_what_was_added_once_it_refreshes(tmp_path: Path) -> None:
    reader = KnownImages(tmp_path / "bank")
    assert ids(reader) == []
    assert list(reader.entries()) == []
    writer = KnownImages(tmp_path / "bank")
    writer.add([known()])
    reader.refresh()
    assert ids(reader) == [("aa", 0)]
    writer.remove("aa")
    assert ids(reader) == []  # even before it has read the bank again


def test_remove_forgets_the_bytes_unless_another_entry_has_them(tmp_path: Path) -> None:
    bank = KnownImages(tmp_path)
    bank.add([bank.keep_image(known(name), b"bytes") for name in ("aa", "bb")])
    bank.remove("aa")
    assert [bank.image(one) for one in bank.entries()] == [b"bytes"]
    bank.remove("bb")
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    with pytest.raises(NotStored, match="no known image 'bb'"):
        bank.remove("bb")


def test_add_is_all_or_nothing(tmp_path: Path) -> None:
    bank = KnownImages(tmp_path)

    def broken():
        yield known("aa")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bank.add(broken())
    assert list(bank.entries()) == []


def test_a_file_that_is_no_bank_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=FILE):
        KnownImages(tmp_path)


def annotated(folder: Path) -> Path:
    """Three fact-checked images: a scene, a flat one and one without hashes."""
    published = ImageHashes.of(scene(3, 256, 256)).as_hex()
    rows = [{"image_id": name, "fact_check_url": "https://f.example/1"} for name in "abcd"]
    hashes = {
        "a": published,
        "b": ("0" * 16, "8" + "0" * 15),
        "c": ("", ""),
        "d": ImageHashes.of(scene(4, 256, 256)).as_hex(),
    }
    facts = [
        {"image_id": name, "average_hash": average, "phash": phash}
        for name, (average, phash) in hashes.items()
    ]
    article = {"fact_check_url": "https://f.example/1", "fact_check_title": "[red]Old[/red]",
               "review_date": "2020-01-02"}  # fmt: skip
    return csvs.written(folder, rows, facts, [article])


def test_import_counts_what_it_leaves_out_and_keeps_only_the_image_that_was_hashed(
    tmp_path: Path,
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(images.encode_jpeg(scene(3, 256, 256), 80))
    (pictures / "d.jpg").write_bytes(images.encode_jpeg(scene(9, 256, 256), 80))
    bank = KnownImages(tmp_path / "bank")
    counts = from_ammeba(bank, annotated(tmp_path / "csvs"), pictures)
    assert counts == {IMPORTED: 2, WITH_IMAGE: 1, ANOTHER: 1, TOO_FLAT: 1, NO_HASH: 1}
    assert [bool(one.digest) for one in bank.entries()] == [True, False]


def test_command_imports_looks_up_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "bank"))
    image = tmp_path / "copy.jpg"
    image.write_bytes(images.encode_jpeg(scene(3, 256, 256), 70))
    assert main(["known", "import", str(annotated(tmp_path / "csvs"))]) == 0
    assert main(["known", "lookup", str(image)]) == 0
    told = capsys.readouterr().out
    assert "2 are known now" in told
    assert "[red]Old[/red]" in told
    assert main(["known", "remove", "a"]) == 0
    assert main(["known", "lookup", str(image)]) == 0
    assert "seen in no fact-check" in capsys.readouterr().out
    assert main(["known", "list", "--json"]) == 0
    assert '"image_id": "d"' in capsys.readouterr().out
    assert main(["known", "remove", "a"]) == 1


def test_an_interrupted_write_leaves_the_bank_readable(tmp_path: Path) -> None:
    bank = KnownImages(tmp_path)
    bank.add([known()])
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("DELETE FROM known")  # a writer that never commits
    assert ids(bank) == [("aa", 0)]
    other.close()
    assert ids(bank) == [("aa", 0)]


@pytest.mark.parametrize("value", ["zz", b"\xff\xfe"])
def test_a_row_without_hashes_is_a_damaged_bank(tmp_path: Path, value: str | bytes) -> None:
    bank = KnownImages(tmp_path)
    bank.add([known()])
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("UPDATE known SET phash = ?", (value,))
    for use in (bank.refresh, lambda: list(bank.entries()), lambda: ids(bank)):
        with pytest.raises(StorageError, match="damaged"):
            use()
