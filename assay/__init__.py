"""Assay: was this image manipulated or synthesized, how sure are we, where, and why.

The domain of the project: it imports neither zenml nor bentoml, so every idea in here runs in a
plain script, a notebook, a pipeline step or a service alike.
"""
