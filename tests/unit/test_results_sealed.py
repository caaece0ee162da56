"""Sealed JSON files and trial ids."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.results import trial_id
from dalbt_ray.results.storage.sealed import DamagedError, seal, unseal

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_was_sealed_comes_back(value: object) -> None:
    """Floats to the last bit, any text, any nesting; and it is plain JSON to everyone else."""
    data = seal("round", {"value": value})
    assert repr(unseal("round", data)["value"]) == repr(_sorted(value))
    assert repr(json.loads(data)["value"]) == repr(_sorted(value))


def _sorted(value: object) -> object:
    """The same value with the keys in the order in which they are written."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_every_single_bit_flip_is_found() -> None:
    """All 8 flips of every byte, the seal's own bytes included."""
    data = seal("trial", {"trial_id": "0123456789abcdef", "config": {"a": 1.5, "b": ["x", None]}})
    for position in range(len(data)):
        for bit in range(8):
            altered = bytearray(data)
            altered[position] ^= 1 << bit
            with pytest.raises(DamagedError):
                unseal("trial", bytes(altered))


def test_every_torn_prefix_is_found() -> None:
    """A file cut at any byte, 0 bytes included."""
    data = seal("trial", {"a": 1})
    for length in range(len(data)):
        with pytest.raises(DamagedError):
            unseal("trial", data[:length])


def test_a_file_of_another_kind_is_refused() -> None:
    """A whole file in the wrong place."""
    with pytest.raises(DamagedError, match="is not a trial file"):
        unseal("trial", seal("round", {"a": 1}))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    """The message says where it is."""
    with pytest.raises(ValueError, match=r"record\.row\[1\]\.test_nll is -?(nan|inf)"):
        seal("round", {"record": {"row": [{}, {"test_nll": bad}]}})


def test_trial_id_ignores_the_order_of_keys_and_nothing_else() -> None:
    """Same configuration, same id; another value, data set or algorithm, another id."""
    base = trial_id({"a": 1, "b": {"c": 0.1, "d": None}}, "data", 1)
    assert trial_id({"b": {"d": None, "c": 0.1}, "a": 1}, "data", 1) == base
    others = {
        trial_id({"a": 2, "b": {"c": 0.1, "d": None}}, "data", 1),
        trial_id({"a": 1, "b": {"c": 0.10000000000000002, "d": None}}, "data", 1),
        trial_id({"a": 1, "b": {"c": 0.1, "d": None}}, "other", 1),
        trial_id({"a": 1, "b": {"c": 0.1, "d": None}}, "data", 2),
    }
    assert len(others - {base}) == 4
    assert len(base) == 16
    int(base, 16)
