"""Conversations in the ShareGPT form, as LLaMA-Factory reads them and Assay exports them.

A directory with ``dataset_info.json``, whose entries name JSON files of conversations with one
image each; the answer begins with a verdict word. Columns and tags are those that the entry names:
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md. What Assay alone knows stands in
the column `EXTRA`, which others leave alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, DirectoryPath, Field, ValidationError

from assay import prompts
from assay.errors import DataError, SchemaViolation, UnparseableAnswer
from assay.records import Rejected, Sample, Split
from assay.settings import at_home
from assay.sources import Source
from assay.sources.files import read_file, state
from assay.sources.manifests import check_inside, is_showable

INFO = "dataset_info.json"
FORMATTING = "sharegpt"
EXTRA = "assay"
IMAGE_TAG = "<image>"

_LARGEST = 2**30
"""Bytes of a file of conversations: they hold text alone."""
_LONGEST = 4_000
"""Characters of a rationale."""
_KEPT = (
    *("image_id", "manipulation", "dataset", "group", "split", "licence", "caption"),
    *("published_at", "context", "fact_check", "original", "url"),
)
"""Fields of a sample that a record of `EXTRA` may hold, beside ``mask``, a path."""


class _Columns(BaseModel):
    messages: str = "conversations"
    images: str = "images"


class _Tags(BaseModel):
    role_tag: str = "from"
    content_tag: str = "value"
    user_tag: str = "human"
    assistant_tag: str = "gpt"


class Described(BaseModel):
    """An entry of ``dataset_info.json``, with the defaults of LLaMA-Factory."""

    file_name: str
    formatting: str = "alpaca"
    columns: _Columns = Field(default_factory=_Columns)
    tags: _Tags = Field(default_factory=_Tags)


class ShareGPT(Source):
    """Conversations about images; raises `SchemaViolation` where they are described wrongly."""

    name: ClassVar[str] = "sharegpt"

    path: Annotated[DirectoryPath, BeforeValidator(at_home)]
    """The directory; ``~`` is the user's home."""
    names: tuple[str, ...] | None = None
    """Entries of ``dataset_info.json``; None takes all in this form that are files here."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield one sample a conversation, in the order of the entries and of their files.

        ``since`` is ignored. What has no image, no verdict or a name that came before is
        `Rejected`.
        """
        seen: set[str] = set()
        for described in self._entries():
            for number, record in enumerate(_records(self.path / described.file_name)):
                where = f"{described.file_name} conversation {number}"
                made = self._sample(record, described, where)
                if isinstance(made, Sample) and made.image_id in seen:
                    reason = f"twice: {where}: this name came before; rename it"
                    made = Rejected(made.image_id, reason)
                seen.add(made.image_id)
                yield made

    def fingerprint(self) -> str:
        """A hash of ``dataset_info.json`` and of the sizes and times of the files it names."""
        digest = hashlib.sha256(self.path.resolve().name.encode())
        digest.update((self.path / INFO).read_bytes())
        for described in self._entries():
            told = state(self.path / described.file_name)
            digest.update(f"{described.file_name} {told}\0".encode())
        return digest.hexdigest()

    def _entries(self) -> list[Described]:
        info = _read(self.path / INFO)
        if not isinstance(info, dict):
            raise SchemaViolation(
                f"{self.path / INFO} is no object; describe each data set by name"
            )
        if missing := sorted(set(self.names or ()) - set(info)):
            raise SchemaViolation(f"{INFO} names no {', '.join(missing)}; known: {', '.join(info)}")
        found = [self._described(name, info[name]) for name in self.names or info]
        usable = [one for one in found if one is not None]
        if not usable:
            raise SchemaViolation(f"{INFO} describes no file here as {FORMATTING}; add an entry")
        return usable

    def _described(self, name: str, told: Any) -> Described | None:
        """The entry ``name``; None for other forms and for what is not a file here."""
        try:
            described = Described.model_validate(told)
        except ValidationError as error:
            if self.names and name in self.names:
                where = ".".join(map(str, error.errors()[0]["loc"]))
                raise SchemaViolation(f"{INFO}, {name}: {where} is wrong or missing") from error
            return None
        check_inside(self.path, described.file_name, f"{INFO}, {name}")
        is_here = (self.path / described.file_name).is_file()
        return described if described.formatting == FORMATTING and is_here else None

    def _sample(self, record: Any, described: Described, where: str) -> Sample | Rejected:
        try:
            answer = prompts.parse(_answer(record, described))
            if len(answer.rationale) > _LONGEST or not is_showable(answer.rationale):
                raise SchemaViolation("the reasons are too long, or hold control characters")
            file = _only(record.get(described.columns.images), "image")
            extra = _extra(record.get(EXTRA))
            mask = extra.pop("mask", "")
            split = extra.pop("split", "")
            told = {"image_id": file, "dataset": self.path.resolve().name} | extra
            return Sample(
                image=self._bytes(file, where),
                mask=self._bytes(mask, where) if mask else b"",
                label=answer.label,
                rationale=answer.rationale,
                source=self.name,
                split=Split(split) if split else None,
                **told,
            )
        except (DataError, UnparseableAnswer, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            return Rejected(where, f"faulty row: {where}: {reason}")

    def _bytes(self, file: str, where: str) -> bytes:
        return read_file(self.path, check_inside(self.path, file, where))


def _records(file: Path) -> Sequence[Any]:
    found = _read(file)
    if not isinstance(found, list):
        raise SchemaViolation(f"{file.name} is no list of conversations")
    return found


def _read(file: Path) -> Any:
    """JSON, or JSON lines; raises `SchemaViolation` for anything else."""
    try:
        if file.stat().st_size > _LARGEST:
            raise SchemaViolation(f"{file.name} exceeds {_LARGEST:,} bytes; part it")
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise SchemaViolation(f"{file}: {error}; see {INFO} of LLaMA-Factory") from error


def _answer(record: Any, described: Described) -> str:
    """What the assistant says first."""
    tags = described.tags
    messages = record.get(described.columns.messages) if isinstance(record, dict) else None
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and message.get(tags.role_tag) == tags.assistant_tag:
            return str(message.get(tags.content_tag, ""))
    raise SchemaViolation(f"nobody answers as {tags.assistant_tag!r}; see the tags in {INFO}")


def _only(listed: Any, what: str) -> str:
    if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], str) and listed[0]:
        return listed[0]
    raise SchemaViolation(f"a conversation is about one {what}, named by its path")


def _extra(told: Any) -> dict[str, str]:
    """What Assay wrote beside the conversation, without what is empty; others write nothing."""
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        raise SchemaViolation(f"{EXTRA} is no object")
    found = {name: told[name] for name in (*_KEPT, "mask") if told.get(name)}
    wrong = [n for n, text in found.items() if not isinstance(text, str) or not is_showable(text)]
    if wrong:
        raise SchemaViolation(f"{EXTRA}.{wrong[0]} is no plain text")
    return found
