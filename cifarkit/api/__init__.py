"""The library: what `import cifarkit` offers, and what the command line calls."""
