"""A decision as one signed file (case.zip) that opens anywhere, without us and without a network.

    case.json       the case, for programs
    case.html       the same for people
    image.*         the image, where it may be given out
    manifest.json   SHA-256 of each of these
    signature.json  Ed25519 (RFC 8032) over manifest.json, and the public key

The same case gives the same bytes: nothing in them says when or where they were packed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.case_records import Case
from assay.errors import DataError
from assay.reports.page import render

CASE, PAGE = "case.json", "case.html"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PURPOSE = b"assay case file v1\n"
"""Signed in front of the manifest: a signature for something else is worth nothing here."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(case: Case, key: bytes, image: bytes | None = None) -> bytes:
    """The case file of ``case``, signed with ``key`` (32 bytes, `assay.signing_keys.CASES`).

    ``image`` is enclosed where it is given; raises `DataError` where the case is about another.
    """
    files = {CASE: case.as_json(), PAGE: page(case).encode()}
    if image is not None:
        if hashlib.sha256(image).hexdigest() != case.image.sha256:
            raise DataError("the image is not the one that the case is about; enclose that one")
        files[f"image.{case.image.format.lower()}"] = image
    files[MANIFEST] = manifest(files)
    files[SIGNATURE] = _signature(files[MANIFEST], key)
    return _packed(files)


def page(case: Case) -> str:
    """The case as a self-contained HTML page, every value escaped."""
    return render("case.html", f"Case {case.id}", case=case).html


def manifest(files: dict[str, bytes]) -> bytes:
    """The digests of ``files``, as they are signed."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return f"{json.dumps(digests, indent=1, sort_keys=True)}\n".encode()


def public_key(key: bytes) -> bytes:
    """The 32 bytes that verify what ``key`` signed; to be published."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def _signature(signed: bytes, key: bytes) -> bytes:
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(PURPOSE + signed)
    stated = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(public_key(key)).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return f"{json.dumps(stated, indent=1, sort_keys=True)}\n".encode()


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Stored: compressors differ between versions, and images do not shrink.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()
