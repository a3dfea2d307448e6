"""Deployments from beginning to end, each on record: prove a release, roll it out, take it back.

Whoever is killed on the way leaves an open record. The next to deploy, roll back or ask closes it:
the challenger is stopped, and what answers, as the target says, is what is recorded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from assay import release_proof
from assay.errors import StorageError
from assay.progress import Progress
from assay.release import Release
from assay.release_checks import Limits
from assay.release_proof import Proof
from assay.rollout import driver
from assay.rollout.limits import RolloutSettings
from assay.rollout.target import Target
from assay.rollout.watched import Moment, Watched
from assay.store.deployments import Action, Deployment, Deployments, State, Subject
from assay.store.standing import Standing

_BEAT = 60.0
"""Seconds between two notes that a rollout is still watched."""

Prove = Callable[[Release, Limits], Proof]
_Closed = tuple[Deployment, Standing]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a deployment, with all that was seen on the way."""

    deployment: Deployment
    standing: Standing
    proof: Proof | None = None
    """None where nothing had to be proven."""
    moments: tuple[Moment, ...] = ()


class Deployer:
    """Deploys to one target, in the name of ``who``."""

    def __init__(self, record: Deployments, target: Target, who: str) -> None:
        self._record, self._target, self._who = record, target, who

    def deploy(
        self,
        release: Release,
        limits: Limits,
        settings: RolloutSettings,
        progress: Progress,
        prove: Prove = release_proof.prove,
    ) -> Attempt:
        """Let ``release`` answer once it is proven; what does already is left alone.

        A proof that fails and limits that are broken are values. Raises `RolloutFailed` where it
        does not come up, and `StorageError` while another one is under way.
        """
        self.close_abandoned()
        if self._target.active() == release.name:
            return self._unchanged(release)
        subject, kind = _subject(release), settings.strategy.value
        with self._begun(Action.DEPLOY, kind, subject) as deployment:
            proof = prove(release, limits)
            if not proof.passed:
                return Attempt(*self._end(deployment, State.REFUSED, proof.refusals), proof)
            self._record.advance(deployment.id, State.PROVEN, self._who)
            self._record.advance(deployment.id, State.ROLLING_OUT, self._who)
            watched = Watched(self._target, self._beat(deployment))
            outcome = driver.roll_out(watched, release, settings, progress)
            close = self._activate if outcome.promoted else self._take_back
            return Attempt(*close(deployment, outcome.reasons), proof, tuple(watched.moments))

    def roll_back(self) -> Standing:
        """Let what answered before answer again, in seconds; nothing is built or proven.

        Raises `RolloutFailed` where there is nothing to go back to.
        """
        self.close_abandoned()
        before = self._record.previous(self._target.name)
        subject = before.subject if before else Subject()
        with self._begun(Action.ROLLBACK, "", subject) as deployment:
            now = self._target.active() or "the champion"
            name = self._target.roll_back()
            self._record.advance(
                deployment.id, State.ROLLING_OUT, self._who, self._known(name, subject)
            )
            return self._activate(deployment, (f"{now} was taken back",))[1]

    def status(self) -> Standing:
        """What answers now, with the newest deployment of the record."""
        self.close_abandoned()
        newest = self._record.history(self._target.name, 1)
        return self._standing(newest[0] if newest else None)

    def close_abandoned(self) -> Deployment | None:
        """Close the record of a deployment whose process was killed, and stop its challenger.

        If its release answers all the same, it is active.
        """
        left = self._record.abandoned(self._target.name)
        if left is None:
            return None
        if self._target.is_serving():
            self._target.abandon()
        answers = self._target.active()
        if answers and answers == left.subject.release:
            return self._record.activate(left.id, self._who, "interrupted, but it answers")
        reason = f"interrupted; {answers or 'what was there before'} answers"
        return self._record.end(left.id, State.FAILED, self._who, reason)

    def _unchanged(self, release: Release) -> Attempt:
        """It answers; where the record does not know, it is told."""
        known = self._record.active(self._target.name)
        note = f"{release.name} is active already; nothing was done"
        if known is None or known.subject.release != release.name:
            begun = self._record.begin(
                self._target.name, Action.DEPLOY, "", self._who, _subject(release)
            )
            known = self._record.activate(begun.id, self._who, "it answered already")
        return Attempt(known, self._standing(known, note))

    def _standing(self, deployment: Deployment | None, note: str = "") -> Standing:
        target = self._target
        return Standing(target.name, target.active(), target.is_serving(), deployment, note)

    def _begun(self, action: Action, strategy: str, subject: Subject) -> _Begun:
        made = self._record.begin(self._target.name, action, strategy, self._who, subject)
        return _Begun(self._record, made, self._who)

    def _activate(self, deployment: Deployment, reasons: tuple[str, ...]) -> _Closed:
        active = self._record.activate(deployment.id, self._who, *reasons)
        return active, self._standing(active)

    def _take_back(self, deployment: Deployment, reasons: tuple[str, ...]) -> _Closed:
        return self._end(deployment, State.ROLLED_BACK, reasons)

    def _end(self, deployment: Deployment, state: State, reasons: tuple[str, ...]) -> _Closed:
        ended = self._record.end(deployment.id, state, self._who, *reasons)
        return ended, dataclasses.replace(self._standing(ended), fell_through=True)

    def _beat(self, deployment: Deployment) -> Callable[[], None]:
        """What tells the record now and then that somebody watches."""
        told = time.monotonic()

        def beat() -> None:
            nonlocal told
            if time.monotonic() - told > _BEAT:
                told = time.monotonic()
                self._record.keep(deployment.id)

        return beat

    def _known(self, name: str, expected: Subject) -> Subject:
        """What is known of the release ``name``, which the target went back to."""
        if expected.release == name:
            return expected
        known = (one.subject for one in self._record.history(self._target.name, 1000))
        return next((one for one in known if one.release == name), Subject(name))


class _Begun:
    """A deployment that is noted as failed where its context is left by an error."""

    def __init__(self, record: Deployments, deployment: Deployment, who: str) -> None:
        self._record, self._deployment, self._who = record, deployment, who

    def __enter__(self) -> Deployment:
        return self._deployment

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            return
        reason = str(error).partition("\n")[0] or kind.__name__
        if kind is KeyboardInterrupt:
            reason = "interrupted"
        with contextlib.suppress(StorageError):  # it has ended already: the error is what counts
            self._record.end(self._deployment.id, State.FAILED, self._who, reason)


def _subject(release: Release) -> Subject:
    return Subject(
        release=release.name,
        model_version=release.model_version,
        model_content=release.model_content,
        plan=release.plan,
        run=release.run,
        dataset_version=release.dataset_version,
        git_commit=release.git_commit,
    )
