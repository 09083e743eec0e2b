"""Class bounds that a reader can say aloud, their labels, and the colours of classes."""

import math

from ..wording import with_signs

VALUES = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
"""viridis: told apart with every common colour blindness and in grey print."""

LESS_TO_MORE = (
    *("#8c510a", "#bf812d", "#dfc27d", "#f6e8c3"),
    *("#c7eae5", "#80cdc1", "#35978f", "#01665e"),
)
"""Brown, nearly white, teal: a scale with a middle that the colour-blind can read."""

_STEPS = (1, 2, 2.5, 5, 10, 20)


def pretty(low, high, classes=8):
    """At most ``classes`` steps of 1, 2, 2.5 or 5 times a power of ten that hold ``low`` and ``high``."""
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-300):
        return [low, high]
    power = 10.0 ** math.floor(math.log10((high - low) / classes))
    for step in _STEPS:
        first, last = math.floor(low / step / power + 1e-9), math.ceil(high / step / power - 1e-9)
        if last - first <= classes:
            break
    bounds = [float(f"{k * step * power:.12g}") for k in range(first, last + 1)]
    return [min(bounds[0], low), *bounds[1:-1], max(bounds[-1], high)]


def mirrored(reach, classes=8):
    """Bounds that are mirrored at zero, so that no difference is the middle of the scale."""
    half = pretty(0.0, reach if reach > 0 else 1.0, classes // 2)
    return [-bound for bound in half[:0:-1]] + half


def labels(bounds):
    """Legend labels of classes, with as many decimals as their bounds need."""
    gap = min((b - a for b, a in zip(bounds[1:], bounds) if b > a), default=0)
    digits = min(max(0, 2 - math.floor(math.log10(gap))), 9) if gap > 0 else 3
    texts = [f"{bound:,.{digits}f}" for bound in bounds]
    while digits and all(text.endswith("0") for text in texts):
        digits -= 1
        texts = [f"{bound:,.{digits}f}" for bound in bounds]
    texts = [with_signs(text) for text in texts]
    return [f"{low} – {high}" if low != high else low for high, low in zip(texts[1:], texts)]


def colours(ramp, count):
    """``count`` colours spread evenly over a ramp of ``#rrggbb``."""
    found = []
    for k in range(count):
        at = (len(ramp) - 1) * (k / (count - 1) if count > 1 else 0.5)
        low, share = min(int(at), len(ramp) - 2), at - min(int(at), len(ramp) - 2)
        pairs = [(int(ramp[low][i : i + 2], 16), int(ramp[low + 1][i : i + 2], 16)) for i in (1, 3, 5)]
        found.append("#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs))
    return found
