"""Resource ids that the commands ask for."""

import pytest

from router.client.resource_ids import custom_topic_id, event_subscription_id, segment, workspace_id
from router.errors import RefusedError


@pytest.mark.parametrize("id_of", [workspace_id, custom_topic_id, lambda name: event_subscription_id("/s", name)])
def test_an_empty_name_is_refused_as_it_would_name_all_of_them(id_of):
    with pytest.raises(RefusedError, match="empty"):
        id_of("")


def test_a_name_stays_one_part_of_a_path():
    assert segment("a/b?c") == "a%2Fb%3Fc"
