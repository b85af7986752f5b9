"""The filter of a subscription (§4.1, §4.2): read within the limits of design §6, written as Azure does."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from router.api.json_bodies import Members, refused, shown
from router.api.refusals import Refusals
from router.errors import RefusedError
from router.filters.operators import OPERATORS, Operand
from topics import EVENT_TYPES
from topics.subscriptions import AdvancedFilter, Filter

MAX_FILTERS: Final = 25
MAX_VALUES: Final = 25
MAX_TEXT_LENGTH: Final = 512
MAX_KEY_STEPS: Final = 64
ALL_TYPES: Final = "All"
DEFAULT_TYPES: Final = tuple(event_type.name for event_type in EVENT_TYPES)

Json = dict[str, Any]
_Check = Callable[[str, Any], None]


def read_filter(members: Members | None, *, of_workspace: bool) -> Filter:
    """Return the filter that `members` mean; types not given are a workspace's five, or any of a custom topic.

    Raises:
        RefusedError: something in it is not allowed.
    """
    given, refusals = members or Members({}, "filter"), Refusals()
    wanted = Filter.model_construct(
        included_event_types=refusals.read(lambda: _event_types(given, of_workspace=of_workspace)),
        subject_begins_with=refusals.read(lambda: given.text("subjectBeginsWith")) or "",
        subject_ends_with=refusals.read(lambda: given.text("subjectEndsWith")) or "",
        is_subject_case_sensitive=refusals.read(lambda: given.truth("isSubjectCaseSensitive")) or False,
        enable_advanced_filtering_on_arrays=refusals.read(lambda: given.truth("enableAdvancedFilteringOnArrays"))
        or False,
        advanced_filters=refusals.read(lambda: _advanced_filters(given)),
    )
    refusals.raise_any()
    return wanted


def _advanced_filters(given: Members) -> tuple[AdvancedFilter, ...]:
    refusals = Refusals()
    found = tuple(refusals.read(partial(_advanced_filter, one)) for one in given.objects("advancedFilters"))
    refusals.raise_any()
    _refuse_too_many(given.target_of("advancedFilters"), found)
    return found


def filter_json(wanted: Filter, *, of_workspace: bool) -> Json:
    """Return a filter as ARM shows it: `isSubjectCaseSensitive` and what is empty are left out (§8.4)."""
    types = wanted.included_event_types
    if types is None and of_workspace:
        types = (ALL_TYPES,)
    body: Json = {
        "subjectBeginsWith": wanted.subject_begins_with,
        "subjectEndsWith": wanted.subject_ends_with,
        "includedEventTypes": None if types is None else list(types),
    }
    if wanted.is_subject_case_sensitive:
        body["isSubjectCaseSensitive"] = True
    if wanted.enable_advanced_filtering_on_arrays:
        body["enableAdvancedFilteringOnArrays"] = True
    if wanted.advanced_filters:
        body["advancedFilters"] = [_advanced_filter_json(one) for one in wanted.advanced_filters]
    return body


def _event_types(given: Members, *, of_workspace: bool) -> tuple[str, ...] | None:
    types = given.texts("includedEventTypes")
    if not types:
        return DEFAULT_TYPES if of_workspace else None
    once: dict[str, str] = {}
    for name in types:
        once.setdefault(name.lower(), name)
    return None if ALL_TYPES.lower() in once else tuple(once.values())


def _refuse_too_many(target: str, filters: tuple[AdvancedFilter, ...]) -> None:
    if len(filters) > MAX_FILTERS:
        raise RefusedError(
            f"{target}: {len(filters)} advanced filters are too many; at most {MAX_FILTERS} are allowed.", target=target
        )
    values = sum(one.value is not None if one.values is None else len(one.values) for one in filters)
    if values > MAX_VALUES:
        raise RefusedError(
            f"{target}: {values} values in all filters together are too many; at most {MAX_VALUES} are allowed.",
            target=target,
        )


def _advanced_filter(one: Members) -> AdvancedFilter:
    name = one.choice("operatorType", tuple(OPERATORS))
    if name is None:
        raise refused(one.target_of("operatorType"), None, f"one of {', '.join(OPERATORS)}")
    key, operator = _key(one), OPERATORS[name]
    if operator.operand is None:
        return AdvancedFilter(operator=name, key=key)
    check = _CHECKS[operator.operand]
    if operator.member == "value":
        return AdvancedFilter(operator=name, key=key, value=_operand(one, name, check))
    return AdvancedFilter(operator=name, key=key, values=_operands(one, name, check))


def _key(one: Members) -> str:
    key, target = one.needed_text("key"), one.target_of("key")
    steps = key.split(".")
    if not all(steps):
        raise refused(target, key, "a path of names joined by dots, none of them empty")
    if len(steps) > MAX_KEY_STEPS:
        raise RefusedError(
            f"{target}: {len(steps)} steps are too many; at most {MAX_KEY_STEPS} are allowed.", target=target
        )
    return key


def _operand(one: Members, operator: str, check: _Check) -> Any:  # noqa: ANN401 (a number or a boolean)
    target = one.target_of("value")
    if one.value("value") is None:
        hint = " (`values` is for other operators)" if "values" in one else ""
        raise RefusedError(f"{target}: {operator} needs one value{hint}.", target=target)
    check(target, one.value("value"))
    return one.value("value")


def _operands(one: Members, operator: str, check: _Check) -> tuple[Any, ...]:
    target, elements = one.target_of("values"), one.elements("values")
    if not elements:
        hint = " (`value` is for other operators)" if "value" in one else ""
        raise RefusedError(f"{target}: {operator} needs an array of at least one value{hint}.", target=target)
    for element_target, element in elements:
        check(element_target, element)
    return tuple(element for _, element in elements)


def _advanced_filter_json(one: AdvancedFilter) -> Json:
    body: Json = {"operatorType": one.operator, "key": one.key}
    if one.values is not None:
        body["values"] = list(one.values)
    elif one.value is not None:
        body["value"] = one.value
    return body


def _refuse_long(target: str, text: str) -> None:
    if len(text) > MAX_TEXT_LENGTH:
        raise RefusedError(
            f"{target}: {len(text)} characters are too many; at most {MAX_TEXT_LENGTH} are allowed.", target=target
        )


def _check_number(target: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(target, value, "a number")


def _check_truth(target: str, value: object) -> None:
    if not isinstance(value, bool):
        raise refused(target, value, "true or false")


def _check_text(target: str, value: object) -> None:
    if not isinstance(value, str):
        raise refused(target, value, "a string")
    _refuse_long(target, value)


def _check_range(target: str, value: object) -> None:
    match value:
        case [low, high]:
            _check_number(f"{target}[0]", low)
            _check_number(f"{target}[1]", high)
            if cast("float", low) > cast("float", high):
                raise RefusedError(
                    f"{target}: {shown(value)} is not allowed; its first number must not be above its second.",
                    target=target,
                )
        case _:
            raise refused(target, value, "an array of two numbers")


_CHECKS: Final[dict[Operand, _Check]] = {
    "number": _check_number,
    "range": _check_range,
    "truth": _check_truth,
    "text": _check_text,
}
