"""What a strategy asked scoring for and cannot do without."""

from dalbt_ray.pool import Floats


def required(values: Floats | None, field: str, strategy: str) -> Floats:
    """`values` of the pool's `field`.

    Raises:
        ValueError: the pool was scored without them.
    """
    if values is None:
        raise ValueError(f"strategy {strategy!r}: the pool has no {field}; score it as `needs` asks")
    return values
