"""One network's evaluation for programs: a CSV row per class, or JSON of all of it, unrounded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.evaluation.class_scores import Estimate, class_scores
from cifarkit.evaluation.confusion import most_confused
from cifarkit.evaluation.metrics import Interval
from cifarkit.reporting.evaluation_pair import confusions
from cifarkit.reporting.evaluation_scores import Scores, Share
from cifarkit.reporting.evaluation_tables import commonest_error
from cifarkit.reporting.evaluation_text import mean_confidence
from cifarkit.reporting.explanations import Explanations
from cifarkit.reporting.explanations import to_json as explanations_json
from cifarkit.reporting.misclassifications import mistakes

_MISTAKES = 100


def to_json(
    scores: Scores,
    pairs: int,
    pair: str | None,
    seeds: Sequence[Mapping[str, Any]],
    explanations: Explanations | None = None,
) -> str:
    """Every number of the document, and the whole confusion matrix (rows are true classes)."""
    record, confusion = scores.record, scores.confusion
    content: dict[str, Any] = {
        "trial": None if record is None else record.trial_id,
        "spec": None
        if record is None
        else record.spec.model_dump(
            mode="json", exclude={"data": {"location"}, "model": {"weights_file"}}
        ),
        "test": {"top1": _share(scores.top1), "top5": _share(scores.top5)},
        "validation": {"top1": _share(scores.validation)},
        "metrics": {
            name: {"value": value, **_ends(scores.intervals.get(name))}
            for name, value in scores.metrics.items()
        },
        "classes": class_rows(scores),
        "confused_pairs": [
            {
                "a": scores.class_names[pair.first],
                "b": scores.class_names[pair.second],
                "a_as_b": pair.first_as_second,
                "b_as_a": pair.second_as_first,
                "total": pair.total,
            }
            for pair in most_confused(confusion, pairs)
        ],
        "superclasses": _groups(scores),
        "calibration": None
        if scores.calibration is None
        else {
            "expected_error": scores.calibration.expected_error,
            "mean_confidence": mean_confidence(scores),
            "bins": [vars(bin_) for bin_ in scores.calibration.bins],
        },
        "confusion": {
            "counts": confusion.counts.tolist(),
            "outside": confusion.outside.tolist(),
        },
        "most_confident_mistakes": [vars(one) for one in mistakes(scores, _MISTAKES)],
    }
    if seeds:
        content["seeds"] = seeds
    if explanations is not None:
        content["explanations"] = explanations_json(scores, explanations)
    if pair is not None:
        content["pair"] = confusions(scores, pair)
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _share(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    counts = {"right": share.right, "images": share.images}
    return {"accuracy": share.accuracy, **_ends(share.interval), **counts}


def _ends(span: Interval | None) -> dict[str, float | None]:
    return {"low": span.low if span else None, "high": span.high if span else None}


def class_rows(scores: Scores) -> list[dict[str, Any]]:
    """A row per class, by label."""
    rows = []
    for one in class_scores(scores.confusion):
        error = commonest_error(scores, one.label)
        rows.append(
            {
                "label": one.label,
                "class": scores.class_names[one.label],
                "superclass": scores.class_groups[one.label] if scores.groups else None,
                "images": one.images,
                "predicted": one.predicted,
                "right": one.correct,
                **_estimate("recall", one.recall),
                **_estimate("precision", one.precision),
                **_estimate("f1", one.f1),
                "most_often_taken_for": scores.class_names[error[0]] if error else None,
                "times": error[1] if error else 0,
            }
        )
    return rows


def _estimate(name: str, found: Estimate | None) -> dict[str, float | None]:
    return {
        name: found.value if found else None,
        f"{name}_low": found.interval.low if found else None,
        f"{name}_high": found.interval.high if found else None,
    }


def _groups(scores: Scores) -> dict[str, Any] | None:
    if scores.groups is None:
        return None
    return {
        "errors": scores.groups.errors,
        "errors_inside": scores.groups.errors_inside,
        "share_inside": scores.groups.share_inside,
        "chance_inside": scores.groups.chance_inside,
        "scores": [vars(group) for group in scores.groups.scores],
    }
