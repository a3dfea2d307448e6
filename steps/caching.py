"""One cache policy for all cacheable steps: their domain code and libraries are part of the key.

ZenML hashes a step's own source; these steps are thin, so a change in ``assay/`` would otherwise be
answered from the cache.
"""

from zenml.config.cache_policy import CachePolicy

from assay import fingerprints

ROOT = fingerprints.REPOSITORY
"""The tree whose code counts."""


def domain_fingerprint() -> str:
    """Hash of the domain's code and of the lock."""
    return fingerprints.code_fingerprint(ROOT)


CACHED = CachePolicy(cache_func=domain_fingerprint)
