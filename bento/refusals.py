"""What only a server refuses: too much at once, too late, by a stranger, without the right."""

from __future__ import annotations

import re

from assay.errors import AssayError


def code_of(name: str) -> str:
    """A class name in snake case: ``ImageTooLarge`` is ``image_too_large``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class RequestRefused(AssayError):
    """A request that is not served, whatever it asks for."""


class Overloaded(RequestRefused):
    """All places are taken."""

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(f"{limit} images are in work already; try again in {retry_after} s")
        self.retry_after = retry_after


class DeadlineExceeded(RequestRefused):
    """An image took longer than one may."""


class NotSignedIn(RequestRefused):
    """Nobody says who is asking."""


class NotAllowed(RequestRefused):
    """Whoever asks may not do this."""


class InvalidRequest(RequestRefused):
    """The request is not what the contract describes."""


class BodyTooLarge(RequestRefused):
    """More bytes than a request may have, announced or not."""


class BodyTooSlow(RequestRefused):
    """A body that keeps the server waiting for its end."""


class TooMuchHeld(RequestRefused):
    """Bodies fill the memory that there is for them."""


class TooManyImages(RequestRefused):
    """More images than one request of its kind may hold."""


class NotEndedYet(RequestRefused):
    """The result of a job that is still being worked on."""


class ModelNotServed(RequestRefused):
    """The version that was asked for is not the one that answers here."""


class NotKept(RequestRefused):
    """The image was never kept, as its sender asked."""


class NothingToShow(RequestRefused):
    """A view of an image in which there would be nothing to see."""


class VerdictHidden(RequestRefused):
    """Whoever asks holds the image as an audit, and has to judge it without the model."""


class NotDecided(RequestRefused):
    """What only a human decision gives, of an image that nobody has decided."""


class NotSiblings(RequestRefused):
    """Two images that do not show the same, or were never compared."""


class LinkExpired(RequestRefused):
    """A signed address that nobody signed, or that is over."""


class TooManyAttempts(RequestRefused):
    """Somebody tries sign-in links that are none."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many links that were no good; try again in {retry_after} s")
        self.retry_after = retry_after


class ShuttingDown(RequestRefused):
    """The process finishes what it has accepted, and nothing else."""

    def __init__(self) -> None:
        super().__init__("this server is being stopped; try again, another one may answer")
