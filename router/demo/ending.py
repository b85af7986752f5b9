"""How the demo ends: what came and what did not, and what to try next."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from router.credentials import Credentials
from router.demo import picture
from router.demo.board import Board

PUBLISH = (
    """echo '{"id": "1", "eventType": "Microsoft.MachineLearningServices.ModelRegistered", """
    """"subject": "models/mine:1", "eventTime": "2030-01-01T00:00:00Z", "data": {}}' | router publish -"""
)
NEXT = (
    ("router demo --stay", "the same, and it goes on running for you to try things"),
    ("router up", "a router of your own, in .router; then, in another terminal:"),
    ("router event-subscription create --name models --endpoint-type topic --endpoint models", ""),
    (PUBLISH, ""),
    ("router consume models --from-beginning", "what the subscriber gets"),
)


def tell_outcome(board: Board, console: Console) -> int:
    """Tell who got what in all, and return the exit code: 0 when everything came as it should."""
    console.print()
    console.print(picture.summary(board))
    complaints = board.complaints
    if not complaints:
        console.print(Text("Every expected delivery was seen, and nothing else.", style="bold green"))
        return 0
    console.print(Text("Not everything came as it should:", style="bold red"))
    for complaint in complaints:
        console.print(Text(f"  {complaint}"), soft_wrap=True)
    return 1


def tell_what_next(console: Console) -> None:
    """Tell what to try after the demo."""
    console.print()
    console.print(Text("What to try next:", style="bold"))
    _print_commands(console, NEXT)


def tell_how_to_use(console: Console, data_dir: Path, credentials: Credentials) -> None:
    """Tell how to use the router of a demo that stays."""
    where = f"--data-dir {data_dir}"
    console.print()
    console.print(Text("It goes on until Ctrl-C. In another terminal:", style="bold"))
    _print_commands(
        console,
        [
            (f"router event-subscription list {where}", ""),
            (f"router consume everything --from-beginning {where}", ""),
            (f"router event-subscription create --name mine --endpoint-type topic --endpoint mine {where}", ""),
            (f"{PUBLISH} {where}", ""),
        ],
    )
    console.print(Text(f"Server {credentials.server}, Kafka {credentials.bootstrap_servers}."), soft_wrap=True)


def _print_commands(console: Console, commands: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> None:
    for command, about in commands:
        line = Text.assemble(("  ", ""), (f"{command:<40}", "cyan"), (about, "dim"))
        line.rstrip()
        console.print(line, soft_wrap=True)
