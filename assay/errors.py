"""Every error that Assay raises on purpose.

    AssayError
    |- ConfigError        a setting is wrong
    |  `- UnknownPlugin   a name that no file in a plugin folder answers to
    |- DataError          an input cannot be used
    |  |- UnreadableImage
    |  |- ImageTooLarge
    |  |- SchemaViolation
    |  |- SplitLeakage
    |  |- ShortcutFound
    |  |- UnsafeArchive
    |  `- UnreadableCase
    |- ModelError         a model directory cannot be used
    |  |- CheckpointMismatch
    |  |- UnparseableAnswer
    |  |- NoChampion
    |  `- PlanMismatch   a serving plan of another model
    |- SourceError        the outside world does not give what was asked of it
    |  |- SourceUnavailable
    |  |- RateLimited      asked too often; it says when to come again
    |  `- ForbiddenAddress
    |- StorageError       a state folder or a store cannot be used
    |  |- NotStored       no such account, key, case or job
    |  |  `- NotCaptured  no such capture, or one that was deleted
    |  |- StoreUnavailable
    |  |- IdempotencyConflict
    |  |- NotYourCase     somebody else's to decide
    |  `- TooManyReports
    |- WorkerLost         a process that did part of the work was killed
    `- RolloutFailed      a release does not come up where it is to answer

A message names the thing and the remedy. An expected refusal (a challenger that is not promoted) is
a value, not an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """Root of everything Assay raises on purpose."""


class RolloutFailed(AssayError):
    """A release does not come up, or there is none to go back to."""


class WorkerLost(AssayError):
    """A process of a pool was killed, so that its part of the work is missing."""


class ConfigError(AssayError, ValueError):
    """A setting has a wrong name, type or value.

    A ValueError too, so that pydantic adds the field's path to one that a validator raises.
    """


class UnknownPlugin(ConfigError):
    """No member of a plugin folder has this name."""

    def __init__(self, folder: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(
            f"unknown {folder} {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}"
        )
        self._given = folder, name, names

    def __reduce__(self) -> tuple[type[UnknownPlugin], tuple[str, str, list[str]]]:
        return type(self), self._given  # pickle would make it from its message


class DataError(AssayError):
    """An input cannot be used as it is."""


class UnreadableImage(DataError):
    """The bytes are not an image that the decoder accepts."""


class ImageTooLarge(DataError):
    """The image exceeds the decoder's limits on bytes or pixels."""


class SchemaViolation(DataError):
    """A table or manifest lacks a column or holds a value outside its domain."""


class SplitLeakage(DataError):
    """One group of near-duplicates stands in two splits."""


class ShortcutFound(DataError):
    """The container of a file gives its label away even after normalisation."""


class UnsafeArchive(DataError):
    """A zip is none, or built to harm whoever unpacks it."""


class UnreadableCase(DataError):
    """A file is no case file of this version."""


class ModelError(AssayError):
    """A model directory cannot be used."""


class CheckpointMismatch(ModelError):
    """Weights, tokenizer, adapter or prompt were not made for one another."""


class UnparseableAnswer(ModelError):
    """A model's text does not begin with one of the verdict words."""


class NoChampion(ModelError):
    """No registered model carries the requested alias or version."""


class PlanMismatch(ModelError):
    """A serving plan was made for another model than the one that is to be served."""


class SourceError(AssayError):
    """The outside world does not give what was asked of it."""


class SourceUnavailable(SourceError):
    """A server cannot be reached, is too slow or answers with something else."""


class RateLimited(SourceError):
    """A server wants to be left alone, for longer than anyone is ready to wait."""

    def __init__(self, message: str, until: float) -> None:
        """``until`` is when it may be asked again, in seconds since 1970."""
        super().__init__(message)
        self.until = until

    def __reduce__(self) -> tuple[type[RateLimited], tuple[str, float]]:
        return type(self), (str(self), self.until)


class ForbiddenAddress(SourceError):
    """An address that is never connected to: not on the public web, or not plainly written."""


class StorageError(AssayError):
    """A folder or store cannot be read or written."""


class NotStored(StorageError):
    """The store holds nothing under this identifier."""


class NotCaptured(NotStored):
    """No capture has this identifier, or what it held was deleted."""


class StoreUnavailable(StorageError):
    """The database does not answer now; the same request may succeed later."""


class IdempotencyConflict(StorageError):
    """An idempotency key came back with another body than the one it was first used for."""


class NotYourCase(StorageError):
    """A case is held by another moderator, or has to be decided by one who has not seen it."""


class TooManyReports(StorageError):
    """One client has reported one capture more often than is counted."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a phrase (", did you mean 'x'?"), or an empty string."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f", did you mean {nearest[0]!r}?" if nearest else ""
