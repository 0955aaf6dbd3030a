"""cifarkit: transfer-learning studies on image classification, run and written up."""

__version__ = "0.1.0"
