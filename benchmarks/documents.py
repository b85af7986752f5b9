"""Tables that a benchmark writes into a page of the docs, between `<!-- name -->` and `<!-- /name -->`."""

from pathlib import Path


def write_between(page: Path, name: str, text: str) -> None:
    """Replace what stands between a page's marks; raises as `around`."""
    before, after = around(page, name)
    page.write_text(f"{before}{text.strip()}\n{after}")


def around(page: Path, name: str) -> tuple[str, str]:
    """Return a page's text up to the first mark and from the last one on, each with its mark.

    Raises:
        ValueError: the page has no such marks.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.read_text().partition(first)
    _, closed, after = rest.partition(last)
    if not (found and closed):
        raise ValueError(f"{page} has no place for {name}: it needs a line {first.strip()} and a line {last}")
    return before + first, last + after
