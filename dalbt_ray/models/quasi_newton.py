"""L-BFGS for smooth, strictly convex objectives: no library, since bits must not depend on a library's threads."""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

Objective: TypeAlias = Callable[[Tensor], tuple[float, Tensor]]
"""float64[p] to the value there and its gradient, float64[p], a new tensor."""

TOLERANCE = 1e-6
"""Largest entry of the gradient where a point counts as the minimum."""

MEMORY = 20
MOST_STEPS = 2_000
SUFFICIENT, SHRINK = 1e-4, 0.5


class NotConverged(ArithmeticError):  # noqa: N818 - what happened
    """The minimum was not found; an objective that is finite and strictly convex has one."""


def minimized(objective: Objective, start: Tensor) -> tuple[Tensor, int]:
    """The minimum, and the steps to it (Nocedal and Wright 2006, algorithms 7.4 and 7.5; backtracking, 3.1).

    Args:
        objective: strictly convex, so that every step has positive curvature.
        start: float64[p], where to begin.

    Raises:
        NotConverged: no point with a gradient below `TOLERANCE` in `MOST_STEPS` steps, or no descent.
    """
    point, steps = start, 0
    value, gradient = objective(point)
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=MEMORY)
    while float(gradient.abs().max()) > TOLERANCE:
        if steps == MOST_STEPS:
            raise NotConverged(f"the gradient is {float(gradient.abs().max()):g} after {steps} steps")
        direction = _direction(gradient, pairs)
        slope = float(gradient @ direction)
        length = 1.0 if pairs else min(1.0, 1.0 / float(gradient.norm()))
        # Rounding hides descents below the last digits of the value.
        slack = 1e-14 * abs(value)
        while True:
            there = point + length * direction
            value_there, gradient_there = objective(there)
            if value_there <= value + SUFFICIENT * length * slope + slack:
                break
            length *= SHRINK
            if length < 1e-12:
                raise NotConverged(f"no descent at a gradient of {float(gradient.abs().max()):g}")
        step, change = there - point, gradient_there - gradient
        curvature = float(step @ change)
        if curvature > 0:
            pairs.append((step, change, curvature))
        point, value, gradient = there, value_there, gradient_there
        steps += 1
    return point, steps


def _direction(gradient: Tensor, pairs: "deque[tuple[Tensor, Tensor, float]]") -> Tensor:
    """Minus the inverse Hessian, as far as the last steps tell it, times the gradient."""
    direction = -gradient
    weights: list[float] = []
    for step, change, curvature in reversed(pairs):
        weight = float(step @ direction) / curvature
        direction = torch.add(direction, change, alpha=-weight)
        weights.append(weight)
    if pairs:
        _, change, curvature = pairs[-1]
        direction *= curvature / float(change @ change)
    for (step, change, curvature), weight in zip(pairs, reversed(weights), strict=True):
        direction = torch.add(direction, step, alpha=weight - float(change @ direction) / curvature)
    return direction
