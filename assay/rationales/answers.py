"""What a teacher answers, as fields: read defensively, because a model may write anything."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from assay.places import PLACES
from assay.records import Hypothesis, Label
from assay.teachers.claims import ACTIONS

NONE, GENERATED, OTHER = "none", "generated", "other"
TYPES = (NONE, GENERATED, *ACTIONS, OTHER)
"""What was done to an image, as a teacher may name it."""

_LONGEST = 8_000
"""Characters of an answer that are looked at: a hundred words and some names are less."""
_MOST = 9
_CHARACTERS = 1_500
_LENGTHS = ("maxLength", "maxItems")


def plain(text: Any) -> Any:
    """Text without control, direction and other invisible characters, blanks made one space."""
    if not isinstance(text, str):
        return text
    shown = "".join(
        " " if unicodedata.category(one) in ("Zl", "Zp", "Zs") or one in "\t\r\n" else one
        for one in unicodedata.normalize("NFKC", text)
        if one in "\t\r\n" or unicodedata.category(one)[0] != "C"
    )
    return " ".join(shown.split())


Text = Annotated[str, BeforeValidator(plain), Field(max_length=_CHARACTERS)]


class Reason(BaseModel):
    """Why an image has its label."""

    model_config = ConfigDict(frozen=True)

    verdict: Label
    type: Literal[TYPES]  # type: ignore[valid-type]
    """What was done."""
    areas: tuple[Literal[PLACES], ...] = Field(max_length=_MOST)  # type: ignore[valid-type]
    """Where."""
    findings: tuple[Text, ...] = Field(max_length=32)
    """Measured evidence that speaks for it, by name."""
    content: Text
    """What the image shows."""
    inconsistencies: Text
    """What in it does not fit."""

    @property
    def prose(self) -> str:
        """What is written in free words."""
        return f"{self.content} {self.inconsistencies}".strip()


class Hints(BaseModel):
    """What may be wrong with an image, without its label."""

    model_config = ConfigDict(frozen=True)

    kinds: tuple[Hypothesis, ...] = Field(max_length=4)
    why: Text


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """JSON schema of ``kind`` in the strict form: every field required, no other allowed.

    Without lengths, which strict servers refuse; they are checked here.
    """
    made = _without_lengths(kind.model_json_schema())
    return dict(made) | {"additionalProperties": False, "required": list(made["properties"])}


def _without_lengths(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_lengths(v) for k, v in part.items() if k not in _LENGTHS}
    return [_without_lengths(one) for one in part] if isinstance(part, list) else part


def read_reason(text: str) -> Reason | str:
    """The fields of an answer, or in a few words why it has none."""
    found = _object(text)
    if isinstance(found, str):
        return found
    try:
        return Reason.model_validate(found)
    except ValidationError as error:
        return _first(error)


def read_hints(text: str) -> Hints | str:
    """The fields of hints, or in a few words why there are none."""
    found = _object(text)
    if isinstance(found, str):
        return found
    try:
        return Hints.model_validate(found)
    except ValidationError as error:
        return _first(error)


def _object(text: str) -> dict[str, Any] | str:
    """The JSON object in ``text``, bare, in a fence of Markdown or among other words."""
    if len(text) > _LONGEST:
        return "the answer is far too long"
    fenced = re.search(r"```(?:json)?\s*(\{.*\})\s*```", text, re.DOTALL)
    body = fenced[1] if fenced else text[text.find("{") : text.rfind("}") + 1]
    try:
        found = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return "the answer is not one JSON object"
    return found if isinstance(found, dict) else "the answer is not one JSON object"


def _first(error: ValidationError) -> str:
    """The first wrong field; what was given is not repeated, as it may be anything."""
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"the field {'.'.join(map(str, problem['loc']))[:40]}: {problem['msg'][:200]}"
