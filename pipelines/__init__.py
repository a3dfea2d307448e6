"""The pipelines: one file each, its parameters in the signature of the function of its name."""
