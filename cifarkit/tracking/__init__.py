"""Experiment trackers that trials of a store are pushed to."""
