"""What the file itself states about where it came from, in its own words.

Anyone can write or remove such statements; only a signature binds one to the file. So they stand
beside the verdict and enter neither the prompt nor the fusion.
"""

from __future__ import annotations

import io
from typing import ClassVar

import numpy as np
from PIL import Image, PngImagePlugin

from assay import images
from assay.evidence import Examiner, Role
from assay.metadata import (
    Fact,
    blocks,
    bounded,
    content_credentials,
    dates,
    exif,
    generators,
    thumbnail,
    xmp,
)
from assay.records import Measurement, Photo

_SILENT = "the file states nothing about its origin, which proves nothing either way"
_NO_FILE = "there is no file, only pixels"
_ABSENT = (content_credentials.NAME, "absent, which proves nothing")


class Provenance(Examiner):
    """Content credentials, EXIF, XMP and generators' text chunks, quoted.

    Facts carry the standard name of their field ("EXIF Software", "XMP xmp:CreatorTool", "PNG
    parameters") where they quote one. Those that follow from several have plain names: whether
    dates disagree, whether an embedded thumbnail shows another picture, which generator is named.
    At most 40 facts of 300 characters, control characters escaped. Sources: see `assay.metadata`.
    """

    role: ClassVar[Role] = Role.VERBATIM
    name: ClassVar[str] = "provenance"
    title: ClassVar[str] = "origin stated by the file"

    def examine(self, photo: Photo) -> Measurement:
        """Read ``photo.data``; its pixels are only compared with thumbnails."""
        if not photo.data:
            return Measurement(self.name, not_applicable=_NO_FILE)
        facts = _facts(photo)
        return Measurement(self.name, not_applicable="" if facts else _SILENT, facts=facts)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A PNG whose text chunk holds generation parameters, and the same one without."""
        ramp = np.linspace(0, 255, 96, dtype=np.uint8)
        picture = Image.fromarray(np.stack([np.add.outer(ramp // 2, ramp // 2)] * 3, axis=-1))
        text = PngImagePlugin.PngInfo()
        text.add_text("parameters", "a harbour at dawn\nSteps: 20, Sampler: Euler a, CFG scale: 7")
        return _png(picture, text), _png(picture)


def _facts(photo: Photo) -> tuple[Fact, ...]:
    """All facts, those that say most first; none where the file states nothing at all."""
    found = blocks.read(photo.data, photo.format)
    camera, packet = exif.read(found.exif), xmp.read(found.xmp)
    signed: tuple[Fact, ...] = ()
    if found.has_manifest:  # the library is native code, and takes a while to load
        signed = content_credentials.read(photo.data, photo.format, photo.pixels)
    fields = camera.facts + packet.facts + found.texts
    derived = generators.facts(signed + fields) + dates.facts(camera.dates + packet.dates)
    if camera.thumbnail:
        derived += thumbnail.facts("embedded thumbnail", camera.thumbnail, photo.pixels)
    stated = bounded(signed + derived + fields)
    return stated if signed or not stated else bounded((_ABSENT, *stated))


def _png(picture: Image.Image, text: PngImagePlugin.PngInfo | None = None) -> Photo:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=text)
    return images.decode(buffer.getvalue())
