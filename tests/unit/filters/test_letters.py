import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.filters.letters import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Models/A", "MODELS/A"), ("é", "É"), ("straße", "STRAßE"), ("ŉ", "ŉ"), ("ᾳ", "ᾼ"), ("ǆ", "Ǆ"), ("", "")],
)
def test_letters_map_one_to_one(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_folding_never_changes_the_length_and_is_idempotent_on_ascii(text):
    assert len(fold(text)) == len(text)
    if text.isascii():
        assert fold(fold(text)) == fold(text)
