"""Timelines and lifecycles: the pure core, and the batch engine under Faust that feeds it."""
