"""Contract tests for plug-ins: each raises an AssertionError that names the broken rule.

The plug-in need not be installed: call them with the object, in the tests of your package.
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
