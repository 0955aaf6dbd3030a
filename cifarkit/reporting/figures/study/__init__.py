"""The built-in study figures: every module here has a `FIGURE`, and the report finds it."""
