"""Numbers as people read them."""

from math import isnan

MINUTE, HOUR, DAY = 60, 3600, 86_400


def percent(mean: float, spread: float = float("nan")) -> str:
    """`81.2 ± 0.4` from fractions; a dash for what is not known."""
    if isnan(mean):
        return "-"
    return f"{100 * mean:.1f}" if isnan(spread) else f"{100 * mean:.1f} ± {100 * spread:.1f}"


def number(value: float, digits: int) -> str:
    """A number with fixed digits; a dash for what is not known."""
    return "-" if isnan(value) else f"{value:.{digits}f}"


def counted(number_of: int, noun: str) -> str:
    """`1 trial`, `2,000 trials`."""
    return f"{number_of:,} {noun}" if number_of == 1 else f"{number_of:,} {noun}s"


def points(difference: float, low: float = float("nan"), high: float = float("nan")) -> str:
    """`+0.76 (-0.92 to +2.43)`: a difference of fractions in percentage points, with its interval."""
    if isnan(difference):
        return "-"
    if isnan(low):
        return f"{100 * difference:+.2f}"
    return f"{100 * difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def p_value(value: float) -> str:
    """`0.012`, `<0.0001`, or a dash where no test was possible."""
    if isnan(value):
        return "-"
    return "<0.0001" if value < 1e-4 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """`3.4 s`, `12 min`, `2.5 h`, `3.1 d`; two digits are enough to plan with."""
    if isnan(seconds):
        return "-"
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
