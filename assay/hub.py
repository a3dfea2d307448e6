"""Datasets by name: Hugging Face (``hf:owner/name@revision``) and Kaggle (``kaggle:...@version``).

Wherever a source takes a folder it takes such a name, which becomes a folder below the state. A
dataset that was downloaded is never asked for again, so a later run needs no network. A revision is
part of the name: what is trained on must not change unseen.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from assay import home
from assay.errors import ConfigError, SourceUnavailable
from assay.locks import exclusive
from assay.settings import Settings, at_home

_NAME = re.compile(
    r"(hf|kaggle):([A-Za-z0-9][\w.-]{0,99}/[A-Za-z0-9][\w.-]{0,99})(?:@([\w][\w./-]{0,99}))?"
)
_COMPLETE = ".complete"
_OFF = frozenset({"", "0", "no", "off", "false"})


class HubName(Settings):
    """A dataset that somebody publishes."""

    host: Literal["hf", "kaggle"]
    name: str
    """Owner and name, with a slash."""
    revision: str
    """Branch, tag or commit on Hugging Face; the number of a version on Kaggle."""

    def __str__(self) -> str:
        return f"{self.host}:{self.name}@{self.revision}"


def _named(value: Any) -> Any:
    """A `HubName` for text that names one, a path for other text; raises `ConfigError`."""
    if not isinstance(value, str) or not value.startswith(("hf:", "kaggle:")):
        return Path(at_home(value)) if isinstance(value, str) else value
    match = _NAME.fullmatch(value)
    if match is None or ".." in value:
        raise ConfigError(f"{value!r} names no dataset; write hf:OWNER/NAME@REVISION")
    host, name, revision = match.groups()
    if not revision or (host == "kaggle" and not revision.isdigit()):
        wanted = (
            "REVISION (a branch, a tag or a commit)" if host == "hf" else "the version's number"
        )
        raise ConfigError(f"{value!r} names no revision; write {host}:{name}@{wanted}")
    return HubName.model_validate({"host": host, "name": name, "revision": revision})


def _folder(value: Any) -> Any:
    named = _named(value)
    if isinstance(named, Path) and not named.is_dir():
        raise ValueError("Path does not point to a directory")
    return named


def _folder_or_file(value: Any) -> Any:
    named = _named(value)
    if isinstance(named, Path) and not named.exists():
        raise ValueError("Path does not point to a directory or a file")
    return named


Folder = Annotated[Path | HubName, BeforeValidator(_folder)]
"""A setting: a directory that exists (``~`` is the user's home), or the name of a dataset."""
FolderOrFile = Annotated[Path | HubName, BeforeValidator(_folder_or_file)]
"""The same, or a file that exists, such as a zip."""


def folder(place: Path | HubName, files: Sequence[str] = ()) -> Path:
    """The folder (or file) that ``place`` is, or that its dataset was downloaded to.

    ``files`` are the only ones that are needed of it, by name; empty for all. Raises
    `SourceUnavailable` where a download is needed and cannot be had.
    """
    if isinstance(place, Path):
        return place
    target = home.folder("downloads") / "hub" / place.host / _as_file_name(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = hashlib.sha256("/".join(files).encode()).hexdigest()[:8] if files else "all"
    marker = target.with_name(f"{target.name}.{part}{_COMPLETE}")
    if not marker.exists():
        lock = target.with_name(f".{target.name}.lock")
        with exclusive(lock, f"another run downloads {place}; wait for it"):
            _DOWNLOADS[place.host](place, target, files)
            marker.touch()
    return target


def _as_file_name(place: HubName) -> str:
    return f"{place.name}@{place.revision}".replace("/", "--")


def _from_hugging_face(place: HubName, target: Path, files: Sequence[str]) -> None:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() not in _OFF:
        raise SourceUnavailable(
            f"{place} has to be downloaded once, and HF_HUB_OFFLINE is set, as it always is here: "
            "nothing is fetched unasked. Run once with HF_HUB_OFFLINE=0 before the command, or "
            "download it elsewhere and give its folder"
        )
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    try:
        huggingface_hub.snapshot_download(
            place.name,
            repo_type="dataset",
            revision=place.revision,
            local_dir=target,
            allow_patterns=list(files) or None,
            endpoint=os.environ.get("HF_ENDPOINT") or None,
        )
    except (errors.HfHubHTTPError, errors.HFValidationError, httpx2.HTTPError, OSError) as error:
        raise _unavailable(place, error) from error


def _from_kaggle(place: HubName, target: Path, files: Sequence[str]) -> None:
    import kagglehub
    import requests
    from kagglehub import exceptions

    handle = f"{place.name}/versions/{place.revision}"
    failures = (
        requests.RequestException,
        exceptions.BackendError,
        exceptions.CredentialError,
        exceptions.DataCorruptionError,
        exceptions.NotFoundError,
        exceptions.UnauthenticatedError,
        OSError,
        ValueError,
    )
    try:
        for file in files or (None,):
            kagglehub.dataset_download(
                handle, file, output_dir=str(target), force_download=target.exists()
            )
    except failures as error:
        raise _unavailable(place, error) from error


_DOWNLOADS: dict[str, Callable[[HubName, Path, Sequence[str]], None]] = {
    "hf": _from_hugging_face,
    "kaggle": _from_kaggle,
}


def _unavailable(place: HubName, error: Exception) -> SourceUnavailable:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return SourceUnavailable(
        f"{place} cannot be downloaded ({reason}); check its name and the network, or download it "
        "elsewhere and give its folder"
    )


def title(place: Path | HubName) -> str:
    """What a dataset is called: by its name on a hub, or by its folder."""
    return place.name if isinstance(place, HubName) else place.resolve().name
