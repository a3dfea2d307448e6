"""How the service runs: everything that an operator may set, from ``ASSAY_*`` variables."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from assay import known_images
from assay.errors import ConfigError
from assay.home import REPOSITORY
from assay.settings import Settings

MODEL_VARIABLE = "ASSAY_MODEL"
"""The model folder that is served; `scripts/serve.py` sets it to the champion's."""
PACKAGED_MODEL = REPOSITORY / "model"
"""Where a built bento holds its own, which is served unless the variable names another one."""


class Blur(StrEnum):
    """When a picture in Review is blurred: what waits there may be graphic."""

    ALWAYS = "always"
    """Each one, until it is asked for."""
    NEVER = "never"
    REMEMBER = "remember"
    """Until the moderator asks for it, or for all from now on in this browser."""


class ServiceSettings(Settings):
    """What one service serves, how much at once, and to whom."""

    model: Path
    """The folder of the model that answers."""
    policy: Path | None = None
    """The file of what the platform decides otherwise than the model (`assay.policy`)."""
    auth: bool = False
    """Whether every request needs an API key or a session; without, only loopback may ask."""
    public_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = (
        "http://127.0.0.1:3000"
    )
    """Where the service is reached, without a slash at its end: links in answers begin with it."""
    workers: int | None = Field(None, gt=0)
    """Processes that measure evidence; unset, as many as the serving plan says, or one a core."""
    admitted: int = Field(64, gt=0)
    """Images in work at once; further ones are asked to come again."""
    deadline: float = Field(30.0, gt=0)
    """Seconds that one image may take."""
    stability: float = Field(0.0, ge=0, le=1)
    """Share of images whose stability is checked although nobody asks for it."""
    max_batch: int = Field(64, gt=0)
    """Images of one batch request; more make a job."""
    max_job: int = Field(10_000, gt=0)
    """Images of one job."""
    blur: Blur = Blur.REMEMBER
    """Whether pictures in Review are blurred until their moderator asks for them."""
    copy_secret: str = Field("", repr=False)
    """Marks copies of requests (`bento.copies`); empty where there are none."""
    standby: Path | None = None
    """While this file exists, the service takes up no jobs and sends no announcements."""
    publisher: str = "Assay"
    """The organisation in whose name people decide, as it signs published reviews."""
    jobs: bool = True
    """Whether it works through jobs; one that only shows the console need not."""
    job_days: int = Field(30, gt=0)
    """Days for which the result of a job is kept."""
    notice_days: int = Field(30, gt=0)
    """Days for which the address of a notice is good."""
    sibling_days: int = Field(365, gt=0)
    """How far back near-duplicates are looked for."""
    known_images: Path | None = None
    """The folder of the known-image bank; from the environment, that of the state folder."""
    webhook_allow_private: bool = False
    """Whether decisions may be sent to this machine and private networks, and without TLS."""
    actions: tuple[str, ...] = ("allow", "label", "limit", "remove", "escalate")
    """What a moderator may have the platform do."""
    reason_codes: tuple[str, ...] = (
        "misleading_edit", "synthetic_content", "impersonation", "satire_or_art",
        "benign_edit", "no_violation", "other",
    )  # fmt: skip
    """Why, in the words of statements of reasons."""

    @property
    def on_standby(self) -> bool:
        """Whether another service on the same store is to do what nobody asked a request for."""
        return self.standby is not None and self.standby.exists()

    @classmethod
    def from_environment(cls) -> ServiceSettings:
        """Every setting from the variable of its name: ``ASSAY_ADMITTED`` and so on.

        Raises `ConfigError` for a value that does not fit, or when there is no model.
        """
        named = {field: os.environ.get(f"ASSAY_{field.upper()}") for field in cls.model_fields}
        texts = {field: value for field, value in named.items() if value}
        texts["model"] = str(model_folder())
        texts["known_images"] = str(known_images.place())
        listed = {
            f: tuple(texts.pop(f).split(",")) for f in ("actions", "reason_codes") if f in texts
        }
        try:
            return cls.model_validate({**texts, **listed})
        except ValueError as error:
            raise ConfigError(f"a variable ASSAY_* does not fit: {error}") from error


def model_folder() -> Path:
    """The folder of the model that is served: the one named, else the one of the built bento.

    Raises `ConfigError` where there is neither.
    """
    if named := os.environ.get(MODEL_VARIABLE):
        return Path(named)
    if PACKAGED_MODEL.is_dir():
        return PACKAGED_MODEL
    raise ConfigError(f"{MODEL_VARIABLE} names no model folder; start with `make serve`")
