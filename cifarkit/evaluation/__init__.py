"""Evaluation of predictions: scores, confusions, and statistically supported conclusions.

Nothing here trains or needs TensorFlow: labels, predictions and probabilities come in as arrays.
Scores are in `metrics`, `calibration`, `confusion` and `superclasses`; whether one setting is
better than another is decided in `comparison` and put into words in `wording`.
"""
