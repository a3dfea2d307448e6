"""A load client: labelled images sent to a deployment at a pace, and honestly timed.

It knows a deployment by its address alone, so that any can be asked: this machine's, a staging
cluster's, one in the middle of a rollout. `python -m assay load` and the benchmarks are its users.
"""
