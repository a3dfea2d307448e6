"""The steps of the pipelines: each unpacks, calls the domain, logs and returns."""
