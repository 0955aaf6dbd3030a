"""Studies written up: records of the store to tables, figures and documents. No TensorFlow."""
