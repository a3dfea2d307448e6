"""Reasons that a teacher is asked for: what it is told, what may be learned of it, what it costs.

A teacher's words are never learned as they come. It answers in fields; the gate holds them
against mask, label and findings, and what is learned are the claims that follow from them, in the
grammar that is read back before anyone sees a model's reasons (decision 0092).
"""
