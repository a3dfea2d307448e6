"""The images of a zip that a stranger uploaded, one in memory at a time, nothing ever on disk.

What a header states is only believed where a lie costs its author more than us: sizes are counted
while decompressing, and no byte of the upload is read for two members (overlapping members are
what makes small bombs large: Fifield 2019, "A better zip bomb").
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Container, Iterator
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from pydantic import Field

from assay.errors import UnsafeArchive
from assay.images import MAX_BYTES
from assay.metadata import quoted
from assay.settings import Settings

_CHUNK = 64 * 2**10
_LONGEST_READ = 8 * 2**20
"""Bytes: the table of contents, which zipfile reads in one go. Ten thousand names fit in."""
_LONGEST_NAME = 512
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others may ask for gigabytes of memory before they give a byte."""
_LOCAL_HEADER = 30
"""Bytes before the name of a member, in front of its data."""
_ENCRYPTED = 0x1 | 0x40
_NOT_IMAGES = ("__MACOSX/",)
_ARCHIVES = (
    b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"MSCF",
)  # fmt: skip
_TAR, _TAR_AT = b"ustar", 257
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # NotImplementedError among them: versions and patches
    ValueError,
)
"""What zipfile lets escape on malformed bytes; each was seen under fuzzing or in its source."""


class ArchiveSettings(Settings):
    """What an archive may cost."""

    max_members: int = Field(10_000, gt=0)
    max_member_bytes: int = Field(MAX_BYTES, gt=0)
    max_total_bytes: int = Field(4 * 2**30, gt=0)
    """Of all members together, decompressed."""
    max_ratio: float = Field(200.0, gt=1)
    """Decompressed over compressed, of a member above `free_bytes`; a photo's is near 1."""
    free_bytes: int = Field(4 * 2**20, ge=0)
    """A small drawing in few colours may compress as well as it likes."""


class Member(NamedTuple):
    """A file of an archive: its bytes, or why they were not read."""

    name: str
    """Printable, on one line; never a path to be opened."""
    content: bytes | str
    """The bytes; text is the reason for a refusal."""


def members(
    stream: BinaryIO,
    settings: ArchiveSettings = ArchiveSettings(),  # noqa: B008 (frozen)
    *,
    wanted: Container[int] | None = None,
    named: Container[str] | None = None,
) -> Iterator[Member]:
    """Every file of the zip in ``stream`` (seekable), in the order of its table of contents.

    Given ``wanted``, only the files at these places in that order, counted from 0; given ``named``,
    only those called so, in whatever folder. The others are not read.

    Refused with a reason: names that lead elsewhere, links and devices, encrypted members, rare
    ways of compression, archives inside, damage, and sizes beyond ``settings``; once the total is
    spent, all that follow. Folders and macOS's own files are passed over. Raises `UnsafeArchive`
    before anything is read where there is no zip, too many members, or two that overlap.
    """
    try:
        archive = zipfile.ZipFile(_Bounded(stream))
    except _DAMAGE as error:
        raise UnsafeArchive(
            f"this is no zip archive that can be read ({error}); pack it again"
        ) from error
    with archive:
        files = [info for info in archive.infolist() if not _is_passed_over(info)]
        if len(archive.infolist()) > settings.max_members:
            raise UnsafeArchive(
                f"the archive has {len(archive.infolist()):,} members, over "
                f"{settings.max_members:,}; split it"
            )
        _refuse_overlaps(archive, stream)
        chosen = [info for at, info in enumerate(files) if wanted is None or at in wanted]
        chosen = [i for i in chosen if named is None or _last_part(i.orig_filename) in named]
        yield from _read_all(archive, chosen, settings)


class _Bounded:
    """A stream that gives no more at once than any honest zip needs."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        """As of a stream, but an error beyond the limit."""
        if size > _LONGEST_READ:
            raise zipfile.BadZipFile("its table of contents is too long; split it")
        data = self._stream.read(size if size >= 0 else _LONGEST_READ + 1)
        if len(data) > _LONGEST_READ:
            raise zipfile.BadZipFile("its end is too long")
        return data


def _read_all(
    archive: zipfile.ZipFile, files: list[zipfile.ZipInfo], settings: ArchiveSettings
) -> Iterator[Member]:
    left = settings.max_total_bytes
    for info in files:
        name = quoted(info.orig_filename)
        if left <= 0:
            limit = f"the archive is over {_mebibytes(settings.max_total_bytes)} in all; split it"
            yield Member(name, limit)
            continue
        content, spent = _read(archive, info, settings, left)
        left -= spent
        yield Member(name, content)


def _read(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, settings: ArchiveSettings, left: int
) -> tuple[bytes | str, int]:
    """The content of a member, or why not; and how many bytes came out of it either way."""
    if reason := _refusal(info):
        return reason, 0
    content = bytearray()
    try:
        with archive.open(info) as stream:
            while part := stream.read(_CHUNK):
                content += part
                if reason := _excess(len(content), info.compress_size, settings, left):
                    return reason, len(content)
    except _DAMAGE as error:
        return f"it is damaged ({quoted(str(error), 120)}); pack it again", len(content)
    if content.startswith(_ARCHIVES) or content[_TAR_AT:].startswith(_TAR):
        return "it is an archive itself; put its images into this one", len(content)
    return bytes(content), len(content)


def _excess(size: int, compressed: int, settings: ArchiveSettings, left: int) -> str:
    if size > settings.max_member_bytes:
        return f"it is over {_mebibytes(settings.max_member_bytes)}; give a smaller image"
    if size > left:
        return f"the archive is over {_mebibytes(settings.max_total_bytes)} in all; split it"
    # The compressed size is no promise: it is what may be read, and none of it is read twice.
    if size > settings.free_bytes and size > settings.max_ratio * compressed:
        return f"it grows over {settings.max_ratio:g} times when unpacked; store it uncompressed"
    return ""


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why a member is not even opened; empty where it is."""
    name = info.orig_filename
    parts = re.split(r"[/\\]", name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "its name is absolute; pack it with a relative one"
    if ".." in parts:
        return "its name leads out of the archive; pack it without '..'"
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return "its name is too long or holds control characters; rename it"
    if kind not in (0, stat.S_IFREG):
        return "it is a link or a device, not a file; pack the file itself"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; pack it without a password"
    if info.compress_type not in _METHODS:
        return "it is compressed in a rare way; use deflate, or store it"
    return ""


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _is_passed_over(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or info.filename.startswith(_NOT_IMAGES)


def _refuse_overlaps(archive: zipfile.ZipFile, stream: BinaryIO) -> None:
    """Raise `UnsafeArchive` where a byte belongs to two members, or to one and to the table."""
    spans = sorted(_span(info, stream) for info in archive.infolist())
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > following for (_, end), (following, _) in pairwise(spans)):
        raise UnsafeArchive("members of the archive overlap, as in a zip bomb; pack it again")


def _span(info: zipfile.ZipInfo, stream: BinaryIO) -> tuple[int, int]:
    """Where a member begins and ends, its header included."""
    header = b""
    if 0 <= info.header_offset <= stream.seek(0, io.SEEK_END):
        stream.seek(info.header_offset)
        header = stream.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER:
        raise UnsafeArchive("the archive is incomplete; upload it again")
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return info.header_offset, info.header_offset + _LOCAL_HEADER + names + info.compress_size


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.3g} MiB"
