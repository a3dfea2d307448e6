"""Speed and memory, measured as ratios within one run: `make bench`.

Each module measures one thing and can be run alone, as in `python -m benchmarks.run_help`. Both
sides of a ratio run in the same minutes on the same machine, in turns, so that a busy or slow
machine changes both.
"""
