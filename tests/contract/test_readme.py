"""README.md says what is: its tables, its folder map and its commands are compared with the code."""

import re
import tomllib

import pytest
import typer.main

from router.cli.app import app
from tests.readme_tables import README, TABLES, written

ROOT = README.parent
TEXT = README.read_text()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name: str):
    assert written(name, TEXT) == TABLES[name](), "run `poe readme`"


@pytest.mark.parametrize("package", ["router", "topics"])
def test_the_folder_map_names_every_folder_and_no_other(package: str):
    folders = {path.name for path in (ROOT / package).iterdir() if path.is_dir() and path.name != "__pycache__"}
    section = re.search(rf"^{package}/ .*?\n(.*?)(?=^\S|^```)", TEXT, re.MULTILINE | re.DOTALL)[1]
    mapped = {name for line in section.splitlines() for name in re.findall(r"(\w+)/", line.partition("  ")[2][:22])}
    assert mapped == folders


def test_every_command_is_in_the_table_of_commands():
    commands = typer.main.get_command(app).commands
    listed = set(re.findall(r"^\| `router ([a-z-]+)", TEXT, re.MULTILINE))
    assert listed == set(commands)


def test_the_first_two_shell_blocks_run_the_demo_and_the_tests():
    demo, tests = re.findall(r"^```bash\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[:2]
    assert demo.splitlines()[-1].endswith("router demo")
    assert tests.splitlines()[-1] == ".venv/bin/poe test"


def test_the_layers_on_the_page_are_those_that_the_check_knows():
    page = re.search(
        r"^```text\n  cli\n(.*?)^```", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE | re.DOTALL
    )[1]
    shown = [re.split(r"\s{2,}", line.strip())[0] for line in page.splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    there = {path.stem for path in (ROOT / "router").iterdir()}
    layers = [[name.strip(" ()") for name in layer.split("|")] for layer in contracts[0]["layers"]]
    known = [" | ".join(name for name in layer if name in there) for layer in layers]
    assert ["cli", *shown] == [*known, "topics"]


PAGES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES)
def test_links_between_the_pages_lead_somewhere(page: str):
    text = (ROOT / page).read_text()
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = [target for target in targets if target and not ((ROOT / page).parent / target).exists()]
    assert not broken
