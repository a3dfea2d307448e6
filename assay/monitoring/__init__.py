"""What a window of traffic tells: how it drifted, how well it was judged, what to do about it.

`frame` reads a window from the store, `reference` what it is compared with; `drift` and
`performance` measure, `decision` draws the conclusion, and `numbers` is all that is kept.
"""
