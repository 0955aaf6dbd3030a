"""Figures. Their data (`data`, `series`, `histories`) is separate from their drawing, so that it
can be tested by its values and does not import matplotlib.
"""
