"""AMMeBa: fact-checkers' annotations of images, read from the csv files as they are published.

Dufour et al. 2024, "AMMeBa: A Large-Scale Survey and Dataset of Media-Based Misinformation
In-The-Wild" (arXiv 2405.11697). Nothing here downloads an image.
"""
