"""What a role on a scope lets its holder do."""

import pytest

from router.identity.roles import allows, covers
from topics.resources import RoleAssignment

GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.mark.parametrize(
    ("assigned", "scope", "is_covered"),
    [
        ("/", GROUP, True),
        (GROUP, GROUP, True),
        (GROUP, GROUP.upper() + "/providers/x", True),
        (GROUP, "//" + GROUP + "/x", True),
        (GROUP, GROUP + "2/x", False),
        (GROUP + "/x", GROUP, False),
    ],
)
def test_a_scope_covers_itself_and_what_is_below(assigned: str, scope: str, is_covered: object):
    assert covers(assigned, scope) is is_covered


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        ("Owner", {"read", "write"}),
        ("Contributor", {"read", "write"}),
        ("Reader", {"read"}),
        ("EventGrid Data Sender", {"send"}),
    ],
)
def test_each_role_grants_what_it_says(role, granted):
    assignments = (RoleAssignment(role=role, scope=GROUP),)
    assert {action for action in ("read", "write", "send") if allows(assignments, action, GROUP + "/x")} == granted
    assert not any(allows(assignments, action, "/subscriptions/other") for action in ("read", "write", "send"))
