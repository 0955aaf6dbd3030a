"""The figures of a study. What a figure shows (`data`, `series`, `histories`) is apart from its
drawing, so that the first is tested by its values and imports no matplotlib.
"""
