"""JSON that people send."""

import pytest

from router.api.json_bodies import Members, read_object, refuse_unwritable, shown
from router.errors import RefusedError


def test_a_name_is_found_exactly_before_it_is_found_in_another_case():
    members = Members({"KEY": 1, "key": 2, "Other": 3})
    assert (members.value("key"), members.value("Key"), members.value("OTHER")) == (2, 1, 3)
    assert "oTHER" in members
    assert "none" not in members


def test_integers_stay_exact_however_large():
    assert read_object(b'{"n": 123456789012345678901234567890}').value("n") == 123456789012345678901234567890


def test_integers_beyond_all_reason_are_refused():
    with pytest.raises(RefusedError, match="not valid JSON"):
        read_object(b'{"n": ' + b"9" * 10_000 + b"}")


@pytest.mark.parametrize("value", [0, 31, True, "5", 5.0])
def test_a_number_out_of_its_range_is_refused_with_the_range(value: object):
    with pytest.raises(RefusedError, match="a whole number from 1 to 30"):
        Members({"n": value}).whole("n", range(1, 31))


def test_lone_surrogates_are_refused_where_they_stand_names_included():
    with pytest.raises(RefusedError) as refusal:
        refuse_unwritable({"a": [{"b": "\udc00"}]})
    assert refusal.value.target == "a[0].b"
    assert refusal.value.message.isascii()
    with pytest.raises(RefusedError):
        refuse_unwritable({"\udc00": 1})


def test_a_long_value_is_shown_cut_short():
    assert len(shown("x" * 10_000)) < 100
    assert shown("é\n") == '"\\u00e9\\n"'
