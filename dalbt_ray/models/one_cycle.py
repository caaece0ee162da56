"""The one-cycle schedule: up to a peak, then down to almost nothing."""

from math import cos, pi

_RISE, _START, _END = 0.3, 25.0, 1e4  # share of steps that rise; peak / first rate; first / last rate
_CALM, _FAST = 0.95, 0.85  # Adam's beta 1 at the ends and at the peak


def one_cycle(step: int, total: int, peak: float) -> tuple[float, float]:
    """Learning rate and Adam's beta 1 of step `step` (0, ..., total - 1).

    Smith and Topin 2019, "Super-convergence", with cosines; the numbers of `torch.optim.lr_scheduler.OneCycleLR`, whose
    class needs torch's own optimizer and with it torch's compiler.
    """
    first = peak / _START
    top = _RISE * total - 1
    if step <= top:
        share = step / top
        return _between(first, peak, share), _between(_CALM, _FAST, share)
    share = (step - top) / (total - 1 - top)
    return _between(peak, first / _END, share), _between(_FAST, _CALM, share)


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (1 + cos(pi * share))
