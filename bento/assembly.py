"""How the parts of a running service are put together."""

from __future__ import annotations

import logging

from assay import signing_keys
from assay.calibration import Calibration
from assay.evidence_pool import EvidencePool
from assay.fusion import Fusion
from assay.known_images import KnownImages
from assay.model_folder import CALIBRATION_FILE, FUSION_FILE, read_facts
from assay.policy import Policy
from assay.store import Store, StoreSettings
from bento import metrics, webhook_sender
from bento.admission import Admission
from bento.answering import Answers
from bento.engine import Engine
from bento.key_ring import KeyRing
from bento.model_card import ModelCard
from bento.runtime import Runtime
from bento.serving import UNPLANNED, Serving
from bento.settings import ServiceSettings
from bento.siblings import Relatives

logger = logging.getLogger(__name__)

_SHARE = 4
"""Of the deadline of a request: a quarter for looking siblings up, and one for comparing."""


def assemble(
    settings: ServiceSettings,
    store_settings: StoreSettings,
    answers: Answers,
    serving: Serving = UNPLANNED,
) -> Runtime:
    """A runtime whose questions go to ``answers``, run as ``serving`` says; close it at the end.

    Raises `ConfigError` where a signing key is missing, `CheckpointMismatch` for no model folder.
    """
    model = model_card(settings)
    url_keys = signing_keys.read(signing_keys.URLS)
    case_key = signing_keys.read(signing_keys.CASES)[0]
    store = Store.open(model.policy.drawing(store_settings))
    # A process that works on for longer measures what nobody waits for any more.
    pool = EvidencePool(settings.model, settings.workers, settings.deadline, serving.recipe)
    relatives = Relatives(store, pool, settings.sibling_days, settings.deadline / _SHARE)
    admission = Admission(settings.admitted)
    engine = Engine(
        store,
        pool,
        answers,
        relatives,
        admission,
        settings.deadline,
        model,
        serving.name,
        settings.stability,
        KnownImages(settings.known_images, is_patient=True) if settings.known_images else None,
    )
    url, allow_private = store_settings.webhook_url, settings.webhook_allow_private
    webhooks = webhook_sender.sender(store, url, allow_private=allow_private)
    metrics.MODEL_INFO.labels(model.version, model.family, serving.name or "none").set(1)
    serving.log()
    if settings.policy is not None:
        logger.info("the policy %s is followed", settings.policy.name)
    keys = KeyRing(store.keys)
    return Runtime(
        settings, store, engine, model, url_keys, case_key, keys, serving.plan, webhooks=webhooks
    )


def model_card(settings: ServiceSettings) -> ModelCard:
    """What the model folder says of itself, under the policy that is followed.

    Raises `CheckpointMismatch`, and `ConfigError` for a policy that cannot be read.
    """
    facts = read_facts(settings.model)
    fusion = settings.model / FUSION_FILE
    policy = Policy.read(settings.policy) if settings.policy else Policy()
    return ModelCard(
        facts.get("version", settings.model.name),
        facts["family"],
        policy.applied(Calibration.load(settings.model / CALIBRATION_FILE)),
        Fusion.load(fusion) if fusion.exists() else None,
        policy,
    )
