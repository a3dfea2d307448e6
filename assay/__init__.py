"""Assay: was this image manipulated or synthesized, how sure are we, where, and why.

The domain of the project: it imports neither zenml nor bentoml, so every idea in here runs in a
plain script, a notebook, a pipeline step or a service alike.
"""

import sys

# transformers imports torchao wherever it finds it: a second more at every start, and warnings of
# kernels for other hardware. Only the strategy int8 wants it, and takes this mark away.
sys.modules.setdefault("torchao", None)  # type: ignore[arg-type]
