"""The network behind both experts, and everything that its training needs.

A folder of its own, so that looking for experts does not import torch.
"""
