"""The command line. It imports nothing from the current folder, see `cifarkit.safe_path`."""

from cifarkit.safe_path import drop_relative_entries

drop_relative_entries()
