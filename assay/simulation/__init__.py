"""Weeks of traffic, people and the loop, played on this machine with the real service.

`playing.play` is the whole of it; all that it makes lies in a state folder of its own.
"""
