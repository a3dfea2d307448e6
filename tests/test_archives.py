"""Zips from strangers, built byte by byte where no library would write them."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.archives import ArchiveSettings, Member, members
from assay.errors import UnsafeArchive

PICTURE = bytes(range(256)) * 8
SMALL = ArchiveSettings(
    max_members=20, max_member_bytes=100_000, max_total_bytes=250_000, free_bytes=1000
)
MEBIBYTE = 2**20


def zipped(
    *files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def read(data: bytes, limits: ArchiveSettings = SMALL) -> list[Member]:
    return list(members(io.BytesIO(data), limits))


def one(data: bytes, limits: ArchiveSettings = SMALL) -> str:
    """The reason why its only member was refused."""
    ((_, content),) = read(data, limits)
    assert isinstance(content, str), "it was read"
    return content


def unix(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """``data`` with a field at ``offset`` of its last entry in the table of contents changed."""
    start = data.rfind(b"PK\x01\x02") + offset
    return data[:start] + struct.pack(form, value) + data[start + struct.calcsize(form) :]


def overlapping(count: int) -> bytes:
    """A quoted-overlap bomb in small: ``count`` entries that all point at one member."""
    plain = zipped(("a", PICTURE))
    start = plain.rfind(b"PK\x01\x02")
    entry = plain[start : plain.rfind(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, start, 0)
    return plain[:start] + entry * count + end


@contextmanager
def peak_below(size: int) -> Iterator[None]:
    """Fail where more than ``size`` bytes of memory were in use at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def test_members_come_in_order_with_their_bytes():
    data = zipped(("b.png", PICTURE), ("a/ü.png", PICTURE[::-1]), ("empty.png", b""))
    expected = [("b.png", PICTURE), ("a/ü.png", PICTURE[::-1]), ("empty.png", b"")]
    assert read(data) == expected


def test_only_wanted_members_are_read():
    names = ["0.png", "1.png", "2.png", "3.png"]
    data = zipped(("folder/", b""), *((name, name.encode()) for name in names))
    found = list(members(io.BytesIO(data), SMALL, wanted={3, 1, 7}))
    assert found == [Member("1.png", b"1.png"), Member("3.png", b"3.png")]


def test_unwanted_members_spend_nothing_of_the_total():
    data = zipped(*((f"{n}.png", PICTURE * 40) for n in range(8)), method=zipfile.ZIP_STORED)
    found = list(members(io.BytesIO(data), SMALL, wanted={7}))
    assert found == [Member("7.png", PICTURE * 40)]


def test_folders_and_files_of_macos_are_passed_over():
    data = zipped(("a/", b""), ("a/b.png", PICTURE), ("__MACOSX/a/._b.png", b"x"))
    assert [name for name, _ in read(data)] == ["a/b.png"]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}\.png", fullmatch=True), st.binary(max_size=99), max_size=9
    )
)
def test_members_are_what_was_packed(files: dict[str, bytes]):
    packed = {name: b"\0" + content for name, content in files.items()}
    assert read(zipped(*packed.items())) == list(packed.items())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../a.png", "leads out"),
        ("a/../../b.png", "leads out"),
        ("..\\a.png", "leads out"),
        ("a/..", "leads out"),
        ("/etc/passwd", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("C:\\a.png", "absolute"),
        ("c:a.png", "absolute"),
        ("a\nb.png", "control"),
        ("a\x1b[2Jb.png", "control"),
        ("a\u202egnp.exe", "control"),
        ("a" * 600, "too long"),
    ],
)
def test_name_that_leads_elsewhere_is_refused(name: str, words: str):
    ((shown, content),) = read(zipped((name, PICTURE)))
    assert words in content
    assert shown.isprintable()
    assert len(shown) <= 300


def test_name_that_goes_on_behind_its_end_is_refused():
    data = zipped(("a.png?exe", PICTURE)).replace(b"a.png?exe", b"a.png\0exe")
    assert "control characters" in one(data)


@pytest.mark.parametrize("mode", [0o120777, 0o060644, 0o020644, 0o010644, 0o140644])
def test_link_or_device_is_refused(mode: int):
    assert "link or a device" in one(zipped((unix("a.png", mode), b"/etc/passwd")))


def test_plain_file_of_unix_is_read():
    assert read(zipped((unix("a.png", 0o100644), PICTURE))) == [("a.png", PICTURE)]


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x41])
def test_encrypted_member_is_refused_and_the_next_is_read(flag: int):
    data = patched(zipped(("b.png", PICTURE), ("a.png", PICTURE)), 8, "<H", flag)
    first, second = read(data)
    assert first.content == PICTURE
    assert "encrypted" in second.content


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compression_is_refused(method: int):
    assert "rare way" in one(zipped(("a.png", PICTURE), method=method))


def test_unknown_compression_is_refused():
    assert "rare way" in one(patched(zipped(("a.png", PICTURE)), 10, "<H", 97))


@pytest.mark.parametrize(
    "inner",
    [
        zipped(("a.png", PICTURE)),
        zipped(),
        b"Rar!\x1a\x07\x01\x00",
        b"7z\xbc\xaf\x27\x1c",
        b"\x1f\x8b\x08",
        b"BZh9",
        b"\xfd7zXZ\x00",
        b"\x28\xb5\x2f\xfd",
        bytes(257) + b"ustar\x00",
    ],
)
def test_archive_inside_is_refused_whatever_its_name(inner: bytes):
    assert "an archive itself" in one(zipped(("holiday.jpg", inner)))


def test_member_over_the_limit_is_refused_and_the_next_is_read():
    noise = PICTURE * 60
    first, second = read(zipped(("a", noise), ("b", PICTURE), method=zipfile.ZIP_STORED))
    assert "over 0.0954 MiB" in first.content
    assert second.content == PICTURE


def test_total_is_spent_by_what_came_out_and_the_rest_is_refused():
    files = [(f"{n}.png", PICTURE * 40) for n in range(5)]
    contents = [content for _, content in read(zipped(*files))]
    assert [isinstance(content, bytes) for content in contents] == [True] * 3 + [False] * 2
    assert all("in all; split it" in content for content in contents[3:])


@pytest.mark.parametrize("size", [90_000, 60_000_000])
def test_member_that_grows_is_refused(size: int):
    limits = SMALL.model_copy(update={"max_member_bytes": 2**40, "max_total_bytes": 2**40})
    assert "grows over 200 times" in one(zipped(("a.bmp", bytes(size))), limits)


def test_small_drawing_may_compress_well():
    assert read(zipped(("a.bmp", bytes(1000)))) == [("a.bmp", bytes(1000))]


@pytest.mark.parametrize("claimed", [0, 1, 2047, 2049, 2**31])
def test_claimed_size_is_not_believed(claimed: int):
    data = patched(zipped(("a.png", PICTURE)), 24, "<L", claimed)
    ((_, content),) = read(data)
    assert content == PICTURE or isinstance(content, str)


def test_claimed_compressed_size_cannot_reach_into_another_member():
    data = zipped(("a.png", PICTURE), ("b.png", PICTURE))
    start = data.find(b"PK\x01\x02") + 20
    longer = data[:start] + struct.pack("<L", 5000) + data[start + 4 :]
    with pytest.raises(UnsafeArchive, match="overlap"):
        read(longer)


@pytest.mark.parametrize("count", [2, 19])
def test_overlapping_members_are_refused_before_any_is_read(count: int):
    with pytest.raises(UnsafeArchive, match="overlap"):
        next(members(io.BytesIO(overlapping(count)), SMALL))


def test_too_many_members_are_refused():
    with pytest.raises(UnsafeArchive, match="21 members, over 20; split it"):
        read(zipped(*((f"{n}", b"") for n in range(21))))


def test_endless_table_of_contents_is_not_read():
    plain = zipped(("a", b""))
    many = plain[plain.rfind(b"PK\x01\x02") : plain.rfind(b"PK\x05\x06")] * 400_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(many), 0, 0)
    stream = io.BytesIO(many + end)
    with peak_below(4 * MEBIBYTE), pytest.raises(UnsafeArchive, match="too long"):
        next(members(stream, SMALL))


def test_one_member_is_in_memory_at_a_time():
    files = [(f"{n}", bytes(9 * 10**5)) for n in range(40)]
    limits = ArchiveSettings(max_member_bytes=10**6)
    stream = io.BytesIO(zipped(*files, method=zipfile.ZIP_STORED))
    with peak_below(5 * MEBIBYTE):
        assert sum(len(member.content) for member in members(stream, limits)) == 40 * 9 * 10**5


def test_wrong_checksum_is_damage():
    data = patched(zipped(("a.png", PICTURE)), 16, "<L", 1)
    assert "damaged" in one(data)


CUTS: list[Callable[[bytes], bytes]] = [
    lambda data: b"",
    lambda data: b"\x89PNG",
    lambda data: data[: len(data) // 2],
    lambda data: data[:-1],
    lambda data: data[40:],
    lambda data: patched(data, 42, "<L", 2**31),
]


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_no_whole_zip_is_refused(cut: Callable[[bytes], bytes]):
    with pytest.raises(UnsafeArchive, match=r"; (pack|upload) it again"):
        read(cut(zipped(("a.png", PICTURE))))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
@example([(0, 0)])
def test_damage_anywhere_is_a_reason_or_a_refusal(changes: list[tuple[int, int]]):
    data = bytearray(zipped(("a.png", PICTURE), ("b.png", b"\0" + PICTURE)))
    for place, value in changes:
        data[-1 - place % len(data)] = value
    try:
        found = read(bytes(data))
    except UnsafeArchive:
        return
    assert all(isinstance(content, bytes | str) for _, content in found)
