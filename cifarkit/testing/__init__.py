"""Contract tests for plug-ins: each raises AssertionError with what the object does not keep.

They need no installation of the plug-in: call them with the object in a test of your package.
"""

from cifarkit.testing.backbone import check_backbone
from cifarkit.testing.callback import check_callback
from cifarkit.testing.data_source import check_data_source
from cifarkit.testing.figure import check_figure
from cifarkit.testing.launcher import check_launcher

__all__ = [
    "check_backbone",
    "check_callback",
    "check_data_source",
    "check_figure",
    "check_launcher",
]
