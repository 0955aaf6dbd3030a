"""Trained networks in use: loaded from a trial or an exported file, and exported."""
