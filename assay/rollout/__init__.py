"""Bringing a new release to where it answers, beside the one that answers now, and back again."""
