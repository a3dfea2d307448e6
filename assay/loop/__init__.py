"""Monitor, decide, learn, optimise, deploy: once round, by itself, and on from any kill."""
