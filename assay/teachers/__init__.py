"""Who writes the reasons that a model learns to give."""
