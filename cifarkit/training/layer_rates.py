"""Layer-wise decay of the learning rate: layers far from the head learn more slowly.

ELECTRA (Clark et al. 2020, appendix B) and BEiT (Bao et al. 2021, section 3.1) are fine-tuned in
this way, with a factor for each transformer block. A convolutional network has many more layers, so
that groups of them take the place of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_GROUPS = 12
"""As many as the transformers of base size have blocks, so that published factors carry over."""


def rate_factors(layers: Sequence[Any], decay: float) -> dict[int, float]:
    """The factor of the learning rate of each weight of a backbone.

    The layers with weights, frozen or not, are split in order into at most `MOST_GROUPS` groups of
    equal size, to a layer. Of G groups, group g = 1..G has the factor decay^(G + 1 - g).

    Args:
        layers: From the input on, without the head, whose factor is 1.
        decay: Above 0, at most 1.

    Returns:
        Factors by the `id` of the weight. A weight that layers share has the last one's.
    """
    with_weights = [layer for layer in layers if layer.weights]
    groups = min(MOST_GROUPS, len(with_weights))
    return {
        id(weight): decay ** (groups - place * groups // len(with_weights))
        for place, layer in enumerate(with_weights)
        for weight in layer.weights
    }
