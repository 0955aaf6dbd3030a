"""cifarkit: transfer-learning studies on image classification, run and written up.

    import cifarkit as ck

    study = ck.zoo(["lenet", "mobilenetv2"], dataset="photos/", seeds=3)
    study.plan()
    results = ck.run(study, store="runs")
    results.to_dataframe()

Names are imported when they are first used; TensorFlow is imported by the trials' processes only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cifarkit.version import __version__

if TYPE_CHECKING:
    from cifarkit.api.backbones import list_backbones, list_hub_presets, list_weights
    from cifarkit.api.bench import InferenceBenchmark, bench
    from cifarkit.api.evaluate import evaluate
    from cifarkit.api.evaluation_results import Evaluation, Evaluations
    from cifarkit.api.export import export
    from cifarkit.api.load_model import load_model
    from cifarkit.api.maintenance import (
        check_store,
        export_trials,
        import_trials,
        remove_results,
        rename_study,
        sync_stores,
    )
    from cifarkit.api.planned_study import PlannedStudy
    from cifarkit.api.power import PowerAnalysis, power
    from cifarkit.api.push import Pushed, push_results
    from cifarkit.api.report import report
    from cifarkit.api.results import Results, open_store
    from cifarkit.api.run import run
    from cifarkit.api.screen import Screening, screen
    from cifarkit.api.serve import serve
    from cifarkit.api.studies import (
        finetune,
        resize_study,
        study,
        study_schema,
        sweep,
        zoo,
    )
    from cifarkit.api.train import train
    from cifarkit.api.verify import Verification, verify
    from cifarkit.api.watch import watch
    from cifarkit.deploy.export import Exported
    from cifarkit.deploy.model import LoadedModel, Predicted
    from cifarkit.errors import CifarkitError, InvalidInput


_HOME = {
    "list_backbones": "api.backbones",
    "list_hub_presets": "api.backbones",
    "list_weights": "api.backbones",
    "Evaluation": "api.evaluation_results",
    "Evaluations": "api.evaluation_results",
    "InferenceBenchmark": "api.bench",
    "bench": "api.bench",
    "evaluate": "api.evaluate",
    "export": "api.export",
    "load_model": "api.load_model",
    "check_store": "api.maintenance",
    "export_trials": "api.maintenance",
    "import_trials": "api.maintenance",
    "remove_results": "api.maintenance",
    "rename_study": "api.maintenance",
    "sync_stores": "api.maintenance",
    "PowerAnalysis": "api.power",
    "power": "api.power",
    "Pushed": "api.push",
    "push_results": "api.push",
    "report": "api.report",
    "Results": "api.results",
    "open_store": "api.results",
    "run": "api.run",
    "Screening": "api.screen",
    "screen": "api.screen",
    "PlannedStudy": "api.planned_study",
    "serve": "api.serve",
    "finetune": "api.studies",
    "resize_study": "api.studies",
    "study": "api.studies",
    "study_schema": "api.studies",
    "sweep": "api.studies",
    "zoo": "api.studies",
    "train": "api.train",
    "Verification": "api.verify",
    "verify": "api.verify",
    "watch": "api.watch",
    "Exported": "deploy.export",
    "LoadedModel": "deploy.model",
    "Predicted": "deploy.model",
    "CifarkitError": "errors",
    "InvalidInput": "errors",
}

__all__ = [
    "CifarkitError",
    "Evaluation",
    "Evaluations",
    "Exported",
    "InferenceBenchmark",
    "InvalidInput",
    "LoadedModel",
    "PlannedStudy",
    "PowerAnalysis",
    "Predicted",
    "Pushed",
    "Results",
    "Screening",
    "Verification",
    "__version__",
    "bench",
    "check_store",
    "evaluate",
    "export",
    "export_trials",
    "finetune",
    "import_trials",
    "list_backbones",
    "list_hub_presets",
    "list_weights",
    "load_model",
    "open_store",
    "power",
    "push_results",
    "remove_results",
    "rename_study",
    "report",
    "resize_study",
    "run",
    "screen",
    "serve",
    "study",
    "study_schema",
    "sweep",
    "sync_stores",
    "train",
    "verify",
    "watch",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
