"""The view of the sources."""

from router.sources.view import AccessKeys, SourcesView
from tests.builders import WORKSPACE, a_box, a_source, a_sources_view, an_access_key
from topics.sources import source_key

BOX = a_box()


def test_sources_are_found_by_id_name_and_key_without_regard_to_case():
    source = a_source("Mine", BOX)
    view = a_sources_view(a_source(box=BOX), source, box=BOX)
    assert (
        view.get(source.id.upper())
        == view.named("workspace", "mine")
        == view.by_key(an_access_key("Mine", 2))
        == source
    )
    assert view.keys(source) == AccessKeys(an_access_key("Mine", 1), an_access_key("Mine", 2))
    assert len(view.all()) == 2


def test_an_unknown_id_name_or_key_finds_nothing():
    view = a_sources_view(a_source(box=BOX), box=BOX)
    assert view.get("/x") is view.named("custom-topic", "local") is view.by_key("") is view.by_key("é") is None
    assert view.by_key(an_access_key().lower()) is None


def test_a_new_key_replaces_the_old_one():
    view = a_sources_view(a_source(box=BOX), box=BOX)
    view.apply(source_key(WORKSPACE), a_source(box=BOX, sealed_key1=BOX.seal("new")).encode())
    assert view.by_key(an_access_key("local", 1)) is None
    assert view.by_key("new") == view.by_key(an_access_key("local", 2)) == view.get(WORKSPACE)


def test_a_deleted_source_and_its_keys_are_gone():
    view = a_sources_view(a_source(box=BOX), box=BOX)
    view.apply(source_key(WORKSPACE), None)
    view.apply(b"never there", None)
    assert view.get(WORKSPACE) is view.named("workspace", "local") is view.by_key(an_access_key()) is None


def test_of_two_with_one_name_the_last_is_found_by_it():
    first, second = a_source(box=BOX), a_source(box=BOX, id=WORKSPACE.replace("Groups/local", "Groups/other"))
    view = a_sources_view(first, second, box=BOX)
    assert view.named("workspace", "local") == second
    view.apply(source_key(first.id), None)
    assert view.named("workspace", "local") == second


def test_what_cannot_be_read_changes_nothing():
    view = a_sources_view(a_source(box=BOX), box=BOX)
    for value in (b"", b"\xff", b"{}", b"[1]", b'{"id": 1}'):
        view.apply(source_key(WORKSPACE), value)
    assert view.by_key(an_access_key()) == view.get(WORKSPACE)


def test_a_source_whose_keys_cannot_be_opened_is_there_without_keys():
    view = SourcesView(a_box())
    source = a_source(box=BOX)
    view.apply(source_key(source.id), source.encode())
    assert view.get(source.id) == source
    assert view.by_key(an_access_key()) is None
    assert view.known_keys(source) is None


def test_listeners_hear_of_the_keys_of_their_source():
    view, heard = SourcesView(BOX), []
    view.on_keys_changed(WORKSPACE, heard.append)
    for source in (a_source(box=BOX), a_source("other", BOX)):
        view.apply(source_key(source.id), source.encode())
    assert heard == [AccessKeys(an_access_key("local", 1), an_access_key("local", 2))]
