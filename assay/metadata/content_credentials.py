"""C2PA content credentials: who signed which claims about the file, and does the signature hold.

Nothing is fetched: neither manifests that lie elsewhere, nor the status of certificates, nor trust
lists. A file is judged by itself and by the trust anchors it is given.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay.metadata import UNREADABLE, Fact, thumbnail
from assay.metadata.source_types import spelled_out
from assay.records import Pixels

if TYPE_CHECKING:
    import c2pa

NAME = "content credentials"

_MIME_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
}
_REASONS = {
    "assertion.dataHash.mismatch": "the file was changed after signing",
    "assertion.boxesHash.mismatch": "the file was changed after signing",
    "assertion.bmffHash.mismatch": "the file was changed after signing",
    "assertion.hashedURI.mismatch": "a claim was changed after signing",
    "assertion.missing": "a claim is missing",
    "claimSignature.mismatch": "the signature does not fit the claims",
    "signingCredential.expired": "the certificate had expired",
    "signingCredential.invalid": "the certificate does not allow signing",
    "signingCredential.revoked": "the certificate was revoked",
}
_UNTRUSTED = "signingCredential.untrusted"
_MOST_ACTIONS = 8
_MOST_INGREDIENTS = 3
_LARGEST_MANIFESTS = 16
"""MiB that compressed manifests may grow to."""


def read(data: bytes, container: str, pixels: Pixels, anchors: str = "") -> tuple[Fact, ...]:
    """What the embedded content credentials of ``data`` state; empty when it has none.

    ``container`` is `Photo.format`; ``anchors`` are root certificates (PEM) that are trusted, by
    default none. The signed thumbnail is compared with ``pixels`` ``[h, w, 3]``. Malformed
    manifests give the fact "unreadable". Source: C2PA Technical Specification 2.x, section 15.
    """
    mime_type = _MIME_TYPES.get(container)
    if mime_type is None:
        return ()
    import c2pa

    try:
        with c2pa.Reader(mime_type, io.BytesIO(data), context=_context(anchors)) as reader:
            store = json.loads(reader.json())
            return tuple(_facts(store)) + _signed_thumbnail(reader, store, pixels)
    except c2pa.C2paError.ManifestNotFound:
        return ()
    except (c2pa.C2paError, ValueError, RecursionError):
        return ((NAME, UNREADABLE),)


@lru_cache(maxsize=4)
def _context(anchors: str) -> c2pa.Context:
    import c2pa

    settings: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        # Identity assertions may be resolved over the network; no host is allowed in any case.
        "core": {
            "allowed_network_hosts": [],
            "decode_identity_assertions": False,
            "max_decompressed_manifest_size_in_mb": _LARGEST_MANIFESTS,
        },
    }
    if anchors:
        settings["trust"] = {"user_anchors": anchors}
    return c2pa.Context.from_dict(settings)


def _facts(store: Mapping[str, Any]) -> Iterator[Fact]:
    active, earlier = _manifests(store)
    yield NAME, _state(store)
    yield from _signer(active)
    yield (
        "claim generator",
        ", ".join(_agent(one) for one in _items(active, "claim_generator_info")),
    )
    actions = [("claimed action", _action(one)) for one in _actions(active)]
    for manifest in earlier:
        actions += [("earlier claimed action", _action(one)) for one in _actions(manifest)]
    yield from actions[:_MOST_ACTIONS]
    for ingredient in _items(active, "ingredients")[:_MOST_INGREDIENTS]:
        relation = _word(ingredient.get("relationship"))
        yield "ingredient", f"{_word(ingredient.get('title')) or 'untitled'} ({relation})"


def _manifests(store: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest that holds now, and those of the files it was made from."""
    given = store.get("manifests")
    manifests = given if isinstance(given, dict) else {}
    active = store.get("active_manifest")
    kept = {label: one for label, one in manifests.items() if isinstance(one, dict)}
    return kept.pop(str(active), {}), list(kept.values())


def _state(store: Mapping[str, Any]) -> str:
    """Does the signature hold, and for whom."""
    if store.get("validation_state") == "Trusted":
        return "valid, signer on a trust list"
    codes = [_word(one.get("code")) for one in _items(store, "validation_status")]
    failures = [_REASONS.get(code, code) for code in codes if code != _UNTRUSTED]
    if failures or store.get("validation_state") != "Valid":
        return f"invalid: {', '.join(dict.fromkeys(failures)) or 'no reason given'}"
    return "signature valid, signer not on a trust list"


def _signer(manifest: Mapping[str, Any]) -> Iterator[Fact]:
    given = manifest.get("signature_info")
    signature = given if isinstance(given, dict) else {}
    names = dict.fromkeys(_word(signature.get(key)) for key in ("common_name", "issuer"))
    yield "signed by", ", ".join(name for name in names if name)
    yield "signed at", _word(signature.get("time"))


def _actions(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for assertion in _items(manifest, "assertions"):
        data = assertion.get("data")
        if _word(assertion.get("label")).startswith("c2pa.actions") and isinstance(data, dict):
            yield from _items(data, "actions")


def _action(action: Mapping[str, Any]) -> str:
    """What was done, by which program, and the source type: "c2pa.created by Dreamer 3: ..."."""
    agent = _agent(action.get("softwareAgent"))
    source = _word(action.get("digitalSourceType"))
    text = _word(action.get("action"))
    text += f" by {agent}" if agent else ""
    return f"{text}: {spelled_out(source)}" if source else text


def _agent(agent: Any) -> str:
    """A program's name and version; older claims give one string."""
    if isinstance(agent, dict):
        return " ".join(filter(None, (_word(agent.get("name")), _word(agent.get("version")))))
    return _word(agent)


def _signed_thumbnail(
    reader: c2pa.Reader, store: Mapping[str, Any], pixels: Pixels
) -> tuple[Fact, ...]:
    """Whether the thumbnail that was signed with the claim shows another picture."""
    given = _manifests(store)[0].get("thumbnail")
    identifier = _word(given.get("identifier")) if isinstance(given, dict) else ""
    if not identifier:
        return ()
    stream = io.BytesIO()
    reader.resource_to_stream(identifier, stream)
    return thumbnail.facts("signed thumbnail", stream.getvalue(), pixels)


def _items(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list, whatever else a claim may hold in its place."""
    given = parent.get(key)
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
