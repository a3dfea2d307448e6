"""The stages of the real loop: a pipeline each, run by ``run.py`` in a process of its own.

    monitor   done with a window in the store; its decision says how it goes on
    learn     `recalibrate` or `retrain`, done with a judged version in the registry
    optimize  done with a serving plan attached to that version
    deploy    done with a deployment of that version on record

Each effect is one write, so whoever was killed before it has nothing to undo, and after it nothing
to repeat.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import home, judgements, model_registry, parameters
from assay.errors import ConfigError
from assay.loop.settings import LoopSettings, StageSettings
from assay.loop.stage import Stage
from assay.store import Store
from assay.store.deployments import Deployment, State
from assay.store.loops import LoopRun, LoopState, StageResult

LEARNING = ("recalibrate", "retrain")
"""Decisions that are pipelines too."""
_ENDS = {"none": LoopState.CALM, "": LoopState.CALM, "page": LoopState.PAGED}
_PIPELINES = home.REPOSITORY / "pipelines"


def stages(store: Store, settings: LoopSettings) -> list[Stage]:
    """All of them, in order; raises `ConfigError` for settings that a pipeline does not take."""
    found: list[PipelineStage] = [
        Monitor("monitor", {"monitor": settings.monitor}, store),
        Learn("learn", {name: getattr(settings, name) for name in LEARNING}, store),
        Optimise("optimize", {"optimize": settings.optimize}, store),
        Deploy("deploy", {"deploy": settings.deploy}, store),
    ]
    for stage in found:
        stage.check()
    return list(found)


class PipelineStage(Stage):
    """A stage that runs one of its pipelines."""

    def __init__(self, name: str, pipelines: Mapping[str, StageSettings], store: Store) -> None:
        self.name, self._pipelines, self._store = name, pipelines, store
        self.seconds = 3600 * max(one.hours for one in pipelines.values())

    def check(self) -> None:
        """Raise `ConfigError` for what a pipeline would refuse, before anything runs."""
        for pipeline, settings in self._pipelines.items():
            schema = parameters.signature(_PIPELINES / f"{pipeline}.py")
            try:
                parameters.validate(schema, _values(pipeline, settings, self.own(None)))
            except ConfigError as error:
                raise ConfigError(f"loop.{pipeline}: {error}") from error

    def command(self, run: LoopRun, name: str) -> Sequence[str]:
        """`run.py`, under the name by which its ZenML and MLflow runs are found too."""
        pipeline = self.pipeline(run)
        settings = self._pipelines[pipeline]
        words = [sys.executable, "run.py", "--pipeline", pipeline, "--name", name]
        if config := _config(pipeline, settings):
            words += ["--config", str(config)]
        for assignment in (*_assignments(settings.settings), *self.own(run)):
            words += ["--set", assignment]
        return words

    def pipeline(self, run: LoopRun) -> str:
        """Which of its pipelines this turn needs."""
        return next(iter(self._pipelines))

    def own(self, run: LoopRun | None) -> Sequence[str]:
        """Settings that follow from what came before; None stands for a turn to come."""
        return ()


class Monitor(PipelineStage):
    """Measure the newest window, and decide."""

    def result(self, run: LoopRun) -> StageResult | None:
        """The newest window since the stage began."""
        begun = run.stage(self.name)
        windows = self._store.windows.newest(limit=5) if begun else ()
        for window in windows:
            if begun and window.created_at >= begun.began_at:
                why = "; ".join(window.reasons) or "nothing has moved"
                facts = {"action": window.action, "window": window.id}
                return StageResult(why, facts, _ENDS.get(window.action))
        return None


class Learn(PipelineStage):
    """Fit a challenger to what people labelled, and judge it."""

    def pipeline(self, run: LoopRun) -> str:
        """The one that was decided on."""
        return str(run.fact("action"))

    def result(self, run: LoopRun) -> StageResult | None:
        """The version that a run of this turn has judged."""
        found = judgements.by_run(f"{run.label}-{self.name}-")
        if found is None:
            return None
        facts = {"version": found.version, "promoted": found.promoted}
        outcome = "promoted" if found.promoted else "refused"
        summary = f"version {found.version} was {outcome}: {'; '.join(found.reasons)}"
        return StageResult(summary, facts, None if found.promoted else LoopState.REFUSED)


class Optimise(PipelineStage):
    """Find how the new champion is served best."""

    def is_needed(self, run: LoopRun) -> bool:
        """Not where learning has found one already."""
        return self.result(run) is None

    def own(self, run: LoopRun | None) -> Sequence[str]:
        """The version that was promoted."""
        return (_model(run),)

    def result(self, run: LoopRun) -> StageResult | None:
        """The plan that is attached to the version."""
        version = str(run.fact("version"))
        plan = model_registry.fetch_plan(version)
        if plan is None:
            return None
        return StageResult(f"version {version} has a serving plan", {"plan": plan.stem})


class Deploy(PipelineStage):
    """Bring the new champion to where it answers."""

    def own(self, run: LoopRun | None) -> Sequence[str]:
        """The version that was promoted."""
        return (_model(run),)

    def result(self, run: LoopRun) -> StageResult | None:
        """A deployment that failed or was interrupted is none: it is tried again."""
        version = str(run.fact("version"))
        for deployment in self._attempts(run):
            if deployment.subject.model_version == version:
                facts = {"deployment": deployment.id, "release": deployment.subject.release}
                if deployment.state is State.ACTIVE:
                    return StageResult(_answers(deployment), facts)
                if deployment.state in (State.REFUSED, State.ROLLED_BACK):
                    return StageResult(_fell(deployment), facts, LoopState.TAKEN_BACK)
        return None

    def _attempts(self, run: LoopRun) -> Iterator[Deployment]:
        """What answers, then what this turn tried, newest first."""
        target = _values("deploy", self._pipelines["deploy"]).get("target", "local")
        if active := self._store.deployments.active(target):
            yield active
        begun = run.stage(self.name)
        for deployment in self._store.deployments.history(target):
            if begun and deployment.started_at >= begun.began_at:
                yield deployment


def _answers(deployment: Deployment) -> str:
    return f"version {deployment.subject.model_version} answers on {deployment.target}"


def _fell(deployment: Deployment) -> str:
    version, state = deployment.subject.model_version, deployment.state.replace("_", " ")
    return f"version {version} was {state}: {'; '.join(deployment.reasons)}"


def _model(run: LoopRun | None) -> str:
    return f"model={run.fact('version')}" if run else "model=champion"


def _config(pipeline: str, settings: StageSettings) -> Path | None:
    if settings.config:
        return (home.REPOSITORY / settings.config).resolve()
    default = home.REPOSITORY / "configs" / f"{pipeline}.yaml"
    return default if default.is_file() else None


def _values(pipeline: str, settings: StageSettings, own: Sequence[str] = ()) -> dict[str, Any]:
    given = [*_assignments(settings.settings), *own]
    return parameters.read(_config(pipeline, settings), given)


def _assignments(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Nested settings as ``a.b=value``, each value as YAML."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _assignments(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={json.dumps(value)}"
