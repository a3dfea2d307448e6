"""Reasons for the images of a dataset, from a teacher that is asked, in rounds.

A round asks about every image that has none yet, in the dataset's order; what the gate rejects is
asked again in the next, with the fault. What is left then has the offline teacher's reasons.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import images, ledger, measuring
from assay.errors import SourceUnavailable
from assay.evidence import Role
from assay.null_rates import NullRates, fit_null_rates
from assay.predictions import drawn
from assay.progress import Progress
from assay.rationales import gate
from assay.rationales.account import Account, Replaced
from assay.rationales.asking import Asked, Asking, in_order
from assay.rationales.gate import Accepted, Rejected, Templates
from assay.rationales.instructions import Case
from assay.rationales.kept import KeptAnswers
from assay.rationales.reasons import Row, as_table, keep
from assay.rationales.settings import TeacherSettings
from assay.records import Measurement, Sample, Split
from assay.teachers import teacher
from assay.teachers.asked import AskedTeacher

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

logger = logging.getLogger(__name__)


def write(
    dataset: Dataset,
    measurements: pa.Table,
    settings: TeacherSettings,
    folder: Path,
    progress: Progress,
    workers: int | None = None,
    kept: Path | None = None,
) -> pa.Table:
    """A row for each image that the teacher was asked about, `COLUMNS`; none for ``offline``.

    Asked are training, validation and ``settings.judged`` test images that came without reasons.
    ``measurements`` are those of `measuring.measure_dataset`; what it lacks is measured, and found
    again in ``kept``. Answers are kept in ``folder``. Raises `SourceUnavailable` where the teacher
    stops answering: started again, the work goes on from there.
    """
    account = Account(settings.name, price=settings.price)
    if not settings.is_asked:
        return as_table({}, account)
    chosen = _chosen(dataset, settings.judged)
    measured = _measured(dataset, measurements, chosen, workers, progress, kept)
    with settings.open() as asked_teacher, KeptAnswers(folder) as answers:
        asking = Asking(asked_teacher, answers, settings)
        known = _Known(dataset, measured, fit_null_rates(measurements))
        writer = _Writer(known, asked_teacher, asking, settings, account, progress)
        rows = writer.rows({name: Row(split) for name, split in chosen.items()})
    logger.info("%s", account)
    written = as_table(rows, account)
    keep(written, folder, dataset)
    return written


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that cases are made from."""

    dataset: Dataset
    measured: Mapping[str, Sequence[Measurement]]
    rates: NullRates

    def cases(self, wanted: Collection[str]) -> Iterator[tuple[bytes, Case]]:
        """The images called ``wanted``, as a model sees them, in stored order."""
        for sample in self.dataset.find(wanted):
            yield sample.image, self._case(sample)

    def _case(self, sample: Sample) -> Case:
        photo = images.photo_of(sample, images.Variant.BIAS_CONTROLLED)
        found = ledger.findings(self.measured[sample.image_id], self.rates)
        return Case(
            sample.image_id,
            photo.pixels,
            sample.label,
            sample.manipulation,
            images.mask_of(sample, photo),
            ledger.in_role(found, Role.FUSED),
        )


class _Writer:
    """The rounds."""

    def __init__(
        self,
        known: _Known,
        asked_teacher: AskedTeacher,
        asking: Asking,
        settings: TeacherSettings,
        account: Account,
        progress: Progress,
    ) -> None:
        self._known, self._teacher, self._asking = known, asked_teacher, asking
        self._settings, self._account, self._progress = settings, account, progress
        self._in_a_row = 0

    def rows(self, rows: dict[str, Row]) -> dict[str, Row]:
        """``rows`` with what the teacher said of each."""
        self._account.images = len(rows)
        templates = Templates(self._settings.alike_share, len(rows))
        for number in range(self._settings.retries + 1):
            open_ones = {k for k, row in rows.items() if not row.accepted and not row.replaced}
            what = "asking the teacher" if number == 0 else f"asking again, try {number + 1}"
            for done, (case, asked) in enumerate(self._round(rows, open_ones), 1):
                self._take(rows[case.image_id], case, asked, templates)
                self._progress(done, len(open_ones), what)
        for row in rows.values():
            if not row.accepted:
                row.replaced = row.replaced or Replaced.REJECTED
                self._account.replaced[row.replaced] += 1
        return rows

    def _round(
        self, rows: Mapping[str, Row], wanted: Collection[str]
    ) -> Iterator[tuple[Case, Asked | None]]:
        def ask(told: tuple[bytes, Case]) -> Asked:
            return self._asking.about(*told, rows[told[1].image_id].fault)

        cases = self._known.cases(wanted)
        for (_, case), asked in in_order(ask, cases, self._teacher.at_once, self._may_go_on):
            yield case, asked

    def _may_go_on(self) -> bool:
        return not self._settings.budget.is_spent(self._account.tokens, self._account.money)

    def _take(self, row: Row, case: Case, asked: Asked | None, templates: Templates) -> None:
        if asked is None:
            row.replaced = Replaced.BUDGET
            return
        for reply, is_kept in asked.paid:
            self._account.spend(reply, is_kept)
        row.hints = asked.hints
        if asked.answer is None:
            self._miss(row, asked.reason)
            return
        self._in_a_row, row.tries = 0, row.tries + 1
        found = gate.judge(asked.answer, case)
        if isinstance(found, Accepted):
            found = templates.refuse(found.reason) or found
        if isinstance(found, Rejected):
            self._account.rejections[found.fault] += 1
            row.fault = found.told
        else:
            self._account.accepted += 1
            self._account.unlike_offline += found.learned != _offline(case)
            row.accepted = found

    def _miss(self, row: Row, reason: str) -> None:
        row.replaced = Replaced.UNANSWERED
        self._in_a_row += 1
        if self._in_a_row >= self._settings.most_unanswered:
            raise SourceUnavailable(
                f"the teacher left {self._in_a_row} questions in a row unanswered ({reason}); see "
                "that it runs, and start again: what it has answered is kept"
            )


def _offline(case: Case) -> str:
    return teacher().rationale(case.label, case.manipulation, case.mask, case.findings)


def _chosen(dataset: Dataset, judged: int) -> dict[str, str]:
    """The images to ask about with their split; of the test images those that are explained.

    Images that came with reasons keep these.
    """

    def without_reasons(split: Split) -> list[str]:
        rows = dataset.table(["image_id", "rationale"], split).to_pylist()
        return [row["image_id"] for row in rows if not row["rationale"]]

    fitted = {
        name: split.value
        for split in (Split.TRAIN, Split.VALIDATION)
        for name in without_reasons(split)
    }
    return fitted | dict.fromkeys(drawn(without_reasons(Split.TEST), judged), Split.TEST.value)


def _measured(
    dataset: Dataset,
    measurements: pa.Table,
    chosen: Mapping[str, str],
    workers: int | None,
    progress: Progress,
    kept: Path | None,
) -> dict[str, tuple[Measurement, ...]]:
    known = measuring.by_image(measurements)
    if missing := set(chosen) - set(known):
        form = images.Variant.BIAS_CONTROLLED
        more = measuring.measure_dataset(
            dataset, [Split.TEST], form, workers, progress, missing, kept
        )
        known |= measuring.by_image(more)
    return known
