"""Sealed JSON files and trial ids."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.results import trial_id
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal
from tests.results_records import rewrite

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


def test_a_newer_version_is_told_from_damage(tmp_path: Path) -> None:
    """Its bytes are those that were written; a flipped bit in it is damage all the same."""
    file = tmp_path / "round.json"
    file.write_bytes(seal("round", {"a": 1}))
    rewrite(file, "round", {"b": 2}, version=2)
    with pytest.raises(NewerFormatError, match="has version 2 of the format; this program knows version 1"):
        unseal("round", file.read_bytes())
    with pytest.raises(DamagedError):
        unseal("round", file.read_bytes().replace(b'"a": 1', b'"a": 3'))


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


@given(values)
def test_trial_id_writes_equal_numbers_alike(value: object) -> None:
    """1 and 1.0 are one trial, at any depth; true is not 1, and text is not a number."""
    essence = {"value": value}
    assert trial_id(essence, "data", 1) == trial_id({"value": _as_floats(value)}, "data", 1)
    assert trial_id({"a": [0.0, 1]}, "data", 1) == trial_id({"a": [-0.0, 1.0]}, "data", 1)
    assert len({trial_id({"a": one}, "data", 1) for one in (1, True, "1", [1], 1.5, None)}) == 6


def _as_floats(value: object) -> object:
    """The same value with a float wherever an int can be written as one without loss."""
    if isinstance(value, dict):
        return {key: _as_floats(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_as_floats(child) for child in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    return value


def test_an_id_never_changes() -> None:
    """The bytes that are hashed, written out: they are the same in every version of this package."""
    essence = {"strategy": {"name": "dalbt"}, "training": {"epochs": 20, "learning_rate": 0.002}, "seed": 3.0}
    text = (
        '{"algorithm_version":1,"config":{"seed":3,"strategy":{"name":"dalbt"},'
        '"training":{"epochs":20,"learning_rate":0.002}},"data_hash":"27a8"}'
    )
    assert trial_id(essence, "27a8", 1) == sha256(text.encode()).hexdigest()[:16]
