"""The one safe decoder: hostile bytes in, a `Photo` out, or an error that names the reason.

Formats go by content, not by name; limits are checked before any pixel is decoded; orientation is
applied; every colour mode becomes 8-bit RGB; of an animation the first frame counts.
"""
