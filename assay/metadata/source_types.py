"""The IPTC vocabulary for how a picture came about, which XMP and content credentials share."""

from __future__ import annotations

_MEANINGS = {
    "digitalCapture": "captured by a camera",
    "computationalCapture": "several frames of a camera merged into one",
    "negativeFilm": "digitised from a negative",
    "positiveFilm": "digitised from a positive",
    "print": "digitised from a print",
    "minorHumanEdits": "a photograph with minor edits by a person",
    "humanEdits": "edited by a person with non-generative tools",
    "compositeWithTrainedAlgorithmicMedia": "edited with generative AI",
    "algorithmicallyEnhanced": "altered by an algorithm",
    "softwareImage": "made with software",
    "digitalArt": "made by a person with non-generative tools",
    "digitalCreation": "made by a person with non-generative tools",
    "dataDrivenMedia": "drawn from data",
    "trainedAlgorithmicMedia": "made by generative AI",
    "algorithmicMedia": "made by an algorithm that learned from no data",
    "screenCapture": "a capture of a screen",
    "virtualRecording": "a recording of a virtual event",
    "composite": "a composite",
    "compositeCapture": "a composite of captured parts",
    "compositeSynthetic": "a composite with parts made by generative AI",
    "trainedAlgorithmicData": "data made by generative AI",
    "empty": "began as an empty canvas",
}
"""https://cv.iptc.org/newscodes/digitalsourcetype/ (2024-09), retired codes included, and the two
that C2PA adds under http://c2pa.org/digitalsourcetype/."""


def spelled_out(code: str) -> str:
    """A digital source type, given as URI or bare code, with its meaning where it is known."""
    name = code.strip().rstrip("/").rpartition("/")[2].rpartition(":")[2]
    meaning = _MEANINGS.get(name)
    return f"{name} ({meaning})" if meaning else code
