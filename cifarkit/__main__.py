import os
import sys

# `python -m` puts the current folder first; import nothing else from it.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]

from cifarkit.cli.app import main

main()
