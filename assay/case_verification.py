"""Is a case file what was signed, by whom, and does its verdict follow from what it holds."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from assay.archives import ArchiveSettings, members
from assay.case_file import CASE, MANIFEST, PAGE, PURPOSE, SIGNATURE, page
from assay.case_records import Case
from assay.errors import UnreadableCase
from assay.rederivation import Rederivation, Verification, rederive

_NOTHING = Rederivation(not_derived=("everything: the file is not what was signed",))
_LIMITS = ArchiveSettings(max_members=8, max_total_bytes=2**28)


def verify(
    path: Path,
    key: bytes | None = None,
    derive: Callable[[Case], Rederivation] = rederive,
) -> Verification:
    """Check the signature and every digest of the case file at ``path``, and derive its verdict.

    ``key`` is the publisher's public key (32 bytes); without it the enclosed one is taken, which
    shows that nothing was changed since, not who signed. ``derive`` may do more than the default,
    with a detector at hand. Raises `UnreadableCase`, `UnsafeArchive` or OSError where there is
    nothing to verify; whatever else is wrong is a difference.
    """
    files, differences = _read(path)
    for name in (CASE, MANIFEST, SIGNATURE):
        if name not in files:
            raise UnreadableCase(f"{path} holds no {name}; ask for the case file again")
    case = Case.from_json(files[CASE])
    signed_by, problem = _signer(files[MANIFEST], files[SIGNATURE], key)
    differences += [problem] if problem else []
    differences += _changed(files) + _mismatched(case, files)
    derived = derive(case) if signed_by and not differences else _NOTHING
    return Verification(
        case.id, signed_by, key is not None, (*differences, *derived.differences), derived
    )


def _read(path: Path) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    problems = []
    with path.open("rb") as stream:
        for name, content in members(stream, _LIMITS):
            if isinstance(content, str):
                problems.append(f"{name}: {content}")
            elif name in files:
                problems.append(f"{name} is there twice")
            else:
                files[name] = content
    return files, problems


def _signer(signed: bytes, stated: bytes, key: bytes | None) -> tuple[str, str]:
    """The key under which the signature holds, or what is wrong with it."""
    try:
        given = json.loads(stated)
        public = key or base64.b64decode(given["public_key"], validate=True)
        signature = base64.b64decode(given["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, PURPOSE + signed)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return "", f"{SIGNATURE} cannot be read ({error})"
    except InvalidSignature:
        return "", "the signature does not hold: the file was changed, or another key signed it"
    return base64.b64encode(public).decode(), ""


def _changed(files: Mapping[str, bytes]) -> list[str]:
    """Files that are not those of the manifest."""
    try:
        digests = dict(json.loads(files[MANIFEST]))
    except (ValueError, TypeError, RecursionError) as error:
        return [f"{MANIFEST} cannot be read ({error})"]
    found = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if name not in (MANIFEST, SIGNATURE)
    }
    told = [f"{name} is missing" for name in sorted(digests.keys() - found.keys())]
    told += [f"{name} was added" for name in sorted(found.keys() - digests.keys())]
    both = sorted(found.keys() & digests.keys())
    return told + [f"{name} was changed" for name in both if found[name] != digests[name]]


def _mismatched(case: Case, files: Mapping[str, bytes]) -> list[str]:
    """Signed files that do not belong together."""
    told = []
    if PAGE in files and files[PAGE] != page(case).encode():
        told.append(f"{PAGE} is not what this version of Assay makes of {CASE}")
    enclosed = [data for name, data in files.items() if name.startswith("image.")]
    if any(hashlib.sha256(data).hexdigest() != case.image.sha256 for data in enclosed):
        told.append("the enclosed image is not the one that the case is about")
    return told
