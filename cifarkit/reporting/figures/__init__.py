"""Figures. Their data (`data`, `dot_chart`, `matrix_chart`) is separate from their drawing, so that
it can be tested by its values and does not import matplotlib.
"""
