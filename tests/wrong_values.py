"""What no field of a trial wants, drawn by Hypothesis; mostly."""

from hypothesis import strategies as st

from dalbt_ray.config import known_classes
from dalbt_ray.launch.overrides import all_paths

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.none()), max_size=3),
    st.dictionaries(st.text(max_size=6), st.integers(), max_size=2),
    st.binary(max_size=3),
    st.complex_numbers(),
)
LEAVES = [
    path for path in all_paths(known_classes()) if not path.startswith(("encoder.model", "encoder.weights"))
]
"""Paths of every field; an encoder that is looked up by name may ask the network."""
