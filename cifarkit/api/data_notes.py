"""Notes on the data, printed before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from cifarkit.console import say
from cifarkit.errors import InvalidInput
from cifarkit.specs import TrialSpec
from cifarkit.store.earlier_fingerprints import identified_by_sizes
from cifarkit.store.store import Store
from cifarkit.studies.inputs import Inputs
from cifarkit.text import counted


def check_data(specs: Iterable[TrialSpec], store: Store, inputs: Inputs, *, strict: bool) -> None:
    """Print the notes on the data sets of trials to be run, each note once.

    Args:
        specs: The trials.
        store: Where results of earlier versions may be.
        inputs: What they were planned with.
        strict: Whether images that cannot be decoded are an error.

    Raises:
        InvalidInput: `strict`, and some images cannot be decoded.
    """
    specs = list(specs)
    data = {(s.data.dataset, s.data.location) for s in specs if s.data.location is not None}
    for dataset, location in sorted(data):
        facts = inputs.data(dataset, location)
        if strict and facts.skipped:
            raise InvalidInput(
                f"--strict: images of {facts.title} that cannot be decoded "
                f"({len(facts.skipped):,}): {'; '.join(facts.skipped)}"
            )
        for note in facts.notes:
            _say_once(f"Data: {note}.")
    if earlier := identified_by_sizes(specs, store):
        _say_once(
            f"{counted(earlier, 'earlier trial')} identified this data by names and sizes only "
            "and cannot be reused: data is now identified by its content."
        )


@cache
def _say_once(text: str) -> None:
    say(text, "yellow")
