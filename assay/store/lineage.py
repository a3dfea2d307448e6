"""From an answer back to what its model learned from, and from an image on to who learned from it.

Rows are written when a dataset is built of captures and when a model is made of it. They hold
identifiers, labels and labellers; a deleted capture keeps its rows, without the image's digest, and
marks the models that learned from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby, islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.database import Database, insert_all_new, insert_new
from assay.store.lineage_tables import DatasetCaptureRow, LineageMarkRow, TrainedModelRow
from assay.store.tables import CaptureRow

_PAGE = 1000
_INHERITED = "lineage"
"""Who marks a model that is noted after a capture was deleted."""


@dataclass(frozen=True, slots=True)
class LearnedCapture:
    """A capture whose image stands in a dataset, and who said what it is."""

    capture_id: str
    image_id: str
    image_digest: str
    label: str
    labeller: str
    labellers: list[str]
    split: str


@dataclass(frozen=True, slots=True)
class Party:
    """Who sent and who labelled one image of a dataset; a deleted capture's sender is empty."""

    client: str
    labeller: str


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model and what it was made of."""

    model_version: str
    """As verdicts name it."""
    version: str
    """Its number in the registry; empty while it has none."""
    datasets: tuple[str, ...]
    parent: str
    created_at: datetime
    marks: tuple[LineageMark, ...]


@dataclass(frozen=True, slots=True)
class LineageMark:
    """A capture that was deleted after a model had learned from it."""

    capture_id: str
    at: datetime
    who: str


class Lineage:
    """What was made of which captures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_dataset(self, version: str, captures: Iterable[LearnedCapture]) -> None:
        """Note which captures a dataset holds; what is noted already stays.

        Of those that were deleted while it was built no digest is kept.
        """
        rows = ({"dataset_version": version, **asdict(one)} for one in captures)
        with self._database.writing() as session:
            while page := list(islice(rows, _PAGE)):
                insert_all_new(session, DatasetCaptureRow, page)
            gone = sa.select(CaptureRow.id).where(CaptureRow.deleted_at.is_not(None))
            _forget(
                session,
                DatasetCaptureRow.dataset_version == version,
                DatasetCaptureRow.capture_id.in_(gone),
            )

    def record_model(
        self, model_version: str, dataset_version: str, *, version: str = "", parent: str = ""
    ) -> None:
        """Note on which dataset a model was trained or calibrated; ``version`` may come later.

        Captures that were deleted meanwhile mark it at once.
        """
        now = self._database.now()
        values = {
            "model_version": model_version,
            "dataset_version": dataset_version,
            "version": version,
            "parent": parent,
            "created_at": now,
        }
        with self._database.writing() as session:
            if not insert_new(session, TrainedModelRow, values) and version:
                known = session.get_one(TrainedModelRow, (model_version, dataset_version))
                known.version = version
            gone = (
                sa.select(DatasetCaptureRow.capture_id)
                .join(CaptureRow)
                .where(
                    DatasetCaptureRow.dataset_version == dataset_version,
                    CaptureRow.deleted_at.is_not(None),
                )
            )
            for capture_id in session.scalars(gone).all():
                mark(session, capture_id, now, _INHERITED)
            inherited = sa.select(LineageMarkRow.capture_id)
            inherited = inherited.where(LineageMarkRow.model_version == parent)
            for capture_id in session.scalars(inherited).all():
                _mark(session, model_version, capture_id, now, _INHERITED)

    def captures_of(self, dataset_version: str) -> Sequence[LearnedCapture]:
        """The captures of a dataset, oldest first; empty for one that holds none."""
        query = sa.select(DatasetCaptureRow).order_by(DatasetCaptureRow.capture_id)
        with self._database.reading() as session:
            rows = session.scalars(
                query.where(DatasetCaptureRow.dataset_version == dataset_version)
            )
            return [_learned(row) for row in rows]

    def parties(self, dataset_version: str) -> Sequence[Party]:
        """Who stands behind each image of a dataset that came from captures."""
        row = DatasetCaptureRow
        query = (
            sa.select(row.image_id, CaptureRow.client, row.labeller)
            .join(CaptureRow, CaptureRow.id == row.capture_id)
            .where(row.dataset_version == dataset_version)
            .order_by(row.image_id, row.capture_id)
        )
        with self._database.reading() as session:
            rows = session.execute(query).tuples().all()
        images = (next(members) for _, members in groupby(rows, key=lambda row: row[0]))
        return [Party(client, labeller) for _, client, labeller in images]

    def model(self, name: str) -> TrainedModel | None:
        """The model that verdicts or the registry call ``name``; None for one without a note."""
        is_named = sa.or_(TrainedModelRow.model_version == name, TrainedModelRow.version == name)
        with self._database.reading() as session:
            query = sa.select(TrainedModelRow.model_version).where(is_named)
            newest = query.order_by(TrainedModelRow.created_at.desc()).limit(1)
            found = session.scalar(newest)
            return None if found is None else _models(session, [found])[0]

    def models_of(self, capture_id: str, image_digest: str = "") -> Sequence[TrainedModel]:
        """The models that learned from a capture, or from the same bytes (``image_digest``)."""
        is_it = DatasetCaptureRow.capture_id == capture_id
        if image_digest:
            is_it = sa.or_(is_it, DatasetCaptureRow.image_digest == image_digest)
        datasets = sa.select(DatasetCaptureRow.dataset_version).where(is_it)
        query = sa.select(TrainedModelRow.model_version).distinct()
        with self._database.reading() as session:
            names = session.scalars(query.where(TrainedModelRow.dataset_version.in_(datasets)))
            return _models(session, names.all())

    def datasets_of(self, capture_id: str, image_digest: str = "") -> Sequence[str]:
        """The datasets that hold a capture, or the same bytes, in the order of their names."""
        is_it = DatasetCaptureRow.capture_id == capture_id
        if image_digest:
            is_it = sa.or_(is_it, DatasetCaptureRow.image_digest == image_digest)
        query = sa.select(DatasetCaptureRow.dataset_version).where(is_it).distinct()
        with self._database.reading() as session:
            return session.scalars(query.order_by(DatasetCaptureRow.dataset_version)).all()


def mark(session: Session, capture_id: str, now: datetime, who: str) -> list[str]:
    """Mark the models that learned from a deleted capture, and those that continue one of them.

    Returns those that were not marked before.
    """
    datasets = sa.select(DatasetCaptureRow.dataset_version)
    datasets = datasets.where(DatasetCaptureRow.capture_id == capture_id)
    line = sa.select(TrainedModelRow.model_version.label("name"))
    line = line.where(TrainedModelRow.dataset_version.in_(datasets))
    models = line.cte("line", recursive=True)
    heirs = sa.select(TrainedModelRow.model_version).join(
        models, TrainedModelRow.parent == models.c.name
    )
    models = models.union(heirs)
    names = session.scalars(sa.select(models.c.name).order_by(models.c.name)).all()
    return [name for name in names if _mark(session, name, capture_id, now, who)]


def _mark(session: Session, model: str, capture_id: str, now: datetime, who: str) -> bool:
    values = {"model_version": model, "capture_id": capture_id, "at": now, "who": who}
    return insert_new(session, LineageMarkRow, values)


def forget(session: Session, capture_id: str) -> None:
    """Take out of the notes what describes the image of a deleted capture."""
    _forget(session, DatasetCaptureRow.capture_id == capture_id)


def _forget(session: Session, *conditions: sa.ColumnElement[bool]) -> None:
    statement = sa.update(DatasetCaptureRow).where(*conditions).values(image_digest="")
    session.execute(statement, execution_options={"synchronize_session": False})


def _models(session: Session, names: Collection[str]) -> list[TrainedModel]:
    """The models called ``names``, the newest first."""
    query = sa.select(TrainedModelRow).where(TrainedModelRow.model_version.in_(names))
    rows = session.scalars(query.order_by(TrainedModelRow.created_at.desc())).all()
    by_model: dict[str, list[TrainedModelRow]] = {}
    for row in rows:
        by_model.setdefault(row.model_version, []).append(row)
    return [_model(session, own) for own in by_model.values()]


def _model(session: Session, rows: Sequence[TrainedModelRow]) -> TrainedModel:
    first = rows[0]
    marks = sa.select(LineageMarkRow).where(LineageMarkRow.model_version == first.model_version)
    return TrainedModel(
        first.model_version,
        next((row.version for row in rows if row.version), ""),
        tuple(sorted(row.dataset_version for row in rows)),
        next((row.parent for row in rows if row.parent), ""),
        first.created_at,
        tuple(
            LineageMark(row.capture_id, row.at, row.who)
            for row in session.scalars(marks.order_by(LineageMarkRow.capture_id))
        ),
    )


def _learned(row: DatasetCaptureRow) -> LearnedCapture:
    return LearnedCapture(
        row.capture_id,
        row.image_id,
        row.image_digest,
        row.label,
        row.labeller,
        list(row.labellers),
        row.split,
    )
