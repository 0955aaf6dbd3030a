import os
import sys

# `python -m` has put the current folder there; nothing more is imported from it.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]

from cifarkit.cli.app import main

main()
