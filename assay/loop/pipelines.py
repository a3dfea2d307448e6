"""The stages of the real loop: a pipeline each, run by ``run.py`` in a process of its own.

    monitor   done with a window in the store; its decision says how it goes on
    learn     `recalibrate` or `retrain`, done with a judged version in the registry
    optimize  done with a serving plan attached to that version
    deploy    done with a deployment of that version on record

Each effect is one write, so whoever was killed before it has nothing to undo, and after it nothing
to repeat. What a stage starts from is settled by then: the champion that learns and the last
capture that counts are those of the window, so that a second attempt finds the first one's work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import home, judgements, model_registry, parameters
from assay.errors import ConfigError
from assay.loop.settings import LoopSettings, StageSettings
from assay.loop.stage import Stage
from assay.model_registry import Alias
from assay.store import Store
from assay.store.deployments import Deployment, State
from assay.store.loops import LoopRun, LoopState, StageResult
from assay.store.windows import Window

_ENDS = {"none": LoopState.CALM, "": LoopState.CALM, "page": LoopState.PAGED}
"""How a turn ends by the monitor's action; with any other it goes on."""


def stages(
    store: Store, settings: LoopSettings, crown: Callable[[str], object] = model_registry.crown
) -> list[Stage]:
    """All of them, in order; raises `ConfigError` for settings that a pipeline does not take.

    ``crown`` makes a version the champion again after a newer one was taken back.
    """
    found = (
        Monitor({"monitor": settings.monitor}, store),
        Learn({"recalibrate": settings.recalibrate, "retrain": settings.retrain}, store),
        Optimise({"optimize": settings.optimize}, store),
        Deploy({"deploy": settings.deploy}, store, crown),
    )
    for stage in found:
        stage.check()
    return list(found)


class PipelineStage(Stage):
    """A stage that runs one of ``pipelines``."""

    def __init__(self, pipelines: Mapping[str, StageSettings], store: Store) -> None:
        self._pipelines, self._store = pipelines, store
        self.seconds = 3600 * max(settings.hours for settings in pipelines.values())

    def check(self) -> None:
        """Raise `ConfigError` for what a pipeline would refuse, before anything runs."""
        for pipeline in self._pipelines:
            schema = parameters.signature(home.REPOSITORY / "pipelines" / f"{pipeline}.py")
            try:
                parameters.validate(schema, self.values(pipeline))
            except ConfigError as error:
                raise ConfigError(f"loop.{pipeline}: {error}") from error

    def command(self, run: LoopRun, name: str) -> Sequence[str]:
        """`run.py`, under the name by which its ZenML and MLflow runs are found too."""
        pipeline = self.pipeline(run)
        words = [sys.executable, "run.py", "--pipeline", pipeline, "--name", name]
        if config := self._config(pipeline):
            words += ["--config", str(config)]
        for assignment in (*_assignments(self._pipelines[pipeline].settings), *self.own(run)):
            words += ["--set", assignment]
        return words

    def pipeline(self, run: LoopRun) -> str:
        """Which of its pipelines this turn needs."""
        return next(iter(self._pipelines))

    def own(self, run: LoopRun) -> Sequence[str]:
        """Settings that follow from what came before."""
        return ()

    def values(self, pipeline: str) -> dict[str, Any]:
        """Its parameters as the pipeline will read them, defaults left out."""
        given = _assignments(self._pipelines[pipeline].settings)
        return parameters.read(self._config(pipeline), given)

    def _config(self, pipeline: str) -> Path | None:
        if chosen := self._pipelines[pipeline].config:
            return (home.REPOSITORY / chosen).resolve()
        default = home.REPOSITORY / "configs" / f"{pipeline}.yaml"
        return default if default.is_file() else None


class Monitor(PipelineStage):
    """Measure the newest window, and decide."""

    name = "monitor"

    def result(self, run: LoopRun) -> StageResult | None:
        """The last window that was put on record since the stage began."""
        begun = run.stage(self.name)
        for window in self._store.windows.recorded_since(begun.began_at) if begun else ():
            why = "; ".join(window.reasons) or "nothing has moved"
            return StageResult(why, _decided(window), _ENDS.get(window.action))
        return None


class Learn(PipelineStage):
    """Move the champion to what people labelled, and judge what came of it."""

    name = "learn"

    def pipeline(self, run: LoopRun) -> str:
        """The one that was decided on."""
        return str(run.fact("action"))

    def own(self, run: LoopRun) -> Sequence[str]:
        """Until the end of the window, from the champion of then."""
        return [f"{name}={json.dumps(run.fact(name))}" for name in ("until", "model")]

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

    name = "optimize"

    def is_needed(self, run: LoopRun) -> bool:
        """Not where there is a plan already."""
        return self.result(run) is None

    def own(self, run: LoopRun) -> Sequence[str]:
        """The version that was promoted."""
        return [f"model={json.dumps(run.fact('version'))}"]

    def result(self, run: LoopRun) -> StageResult | None:
        """The plan that is attached to the version."""
        version = str(run.fact("version"))
        plan = model_registry.fetch_plan(version)
        if plan is None:
            return None
        return StageResult(f"version {version} has a serving plan", {"plan": plan.stem})


class Deploy(PipelineStage):
    """Bring the new champion to where it answers."""

    name = "deploy"

    def __init__(
        self,
        pipelines: Mapping[str, StageSettings],
        store: Store,
        crown: Callable[[str], object] = model_registry.crown,
    ) -> None:
        super().__init__(pipelines, store)
        self._crown = crown

    def own(self, run: LoopRun) -> Sequence[str]:
        """The version that was promoted."""
        return [f"model={json.dumps(run.fact('version'))}"]

    def result(self, run: LoopRun) -> StageResult | None:
        """A deployment that failed or was interrupted is none: it is tried again."""
        version = str(run.fact("version"))
        for deployment in self._tried(run):
            if deployment.subject.model_version == version:
                facts = {"deployment": deployment.id, "release": deployment.subject.release}
                if deployment.state is State.ACTIVE:
                    return StageResult(_answers(deployment), facts)
                if deployment.state in (State.REFUSED, State.ROLLED_BACK):
                    return StageResult(_fell(deployment), facts, LoopState.TAKEN_BACK)
        return None

    def settle(self, run: LoopRun, result: StageResult) -> None:
        """What was taken back is champion no longer: the monitor watches the one that answers."""
        before, version = run.fact("model"), run.fact("version")
        is_champion = model_registry.version_of(Alias.CHAMPION) == version
        if result.ends is LoopState.TAKEN_BACK and before and is_champion:
            self._crown(str(before))

    def _tried(self, run: LoopRun) -> Iterator[Deployment]:
        """What answers, then what this turn tried, newest first."""
        target = self.values("deploy").get("target", "local")
        if active := self._store.deployments.active(target):
            yield active
        begun = run.stage(self.name)
        for deployment in self._store.deployments.history(target):
            if begun and deployment.started_at >= begun.began_at:
                yield deployment


def _decided(window: Window) -> dict[str, Any]:
    return {
        "action": window.action,
        "window": window.id,
        "until": window.numbers.until.isoformat(),
        "model": model_registry.version_of(Alias.CHAMPION) or "",
    }


def _answers(deployment: Deployment) -> str:
    return f"version {deployment.subject.model_version} answers on {deployment.target}"


def _fell(deployment: Deployment) -> str:
    version, state = deployment.subject.model_version, deployment.state.replace("_", " ")
    return f"version {version} was {state}: {'; '.join(deployment.reasons)}"


def _assignments(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Nested settings as ``a.b=value``, each value as YAML."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _assignments(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={json.dumps(value)}"
