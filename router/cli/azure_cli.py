"""`router azure-cli`: points an installed `az` at this router, in a configuration directory of its own."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from router.cli import output
from router.cli.options import DEFAULT_DATA_DIR, DataDir
from router.errors import NotFoundError, RouterError, SettingsError

if TYPE_CHECKING:
    from router.credentials import Credentials

CLOUD: Final = "Router"
CONFIG_FOLDER: Final = "azure-cli"
LOOPBACK: Final = "localhost,127.0.0.1"
VARIABLES: Final = (
    "AZURE_CONFIG_DIR",
    "AZURE_CORE_COLLECT_TELEMETRY",
    "AZURE_CORE_INSTANCE_DISCOVERY",
    "REQUESTS_CA_BUNDLE",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
)

Run = Annotated[bool, typer.Option("--run", help="Run the commands now instead of printing the script.")]
Undo = Annotated[
    bool, typer.Option("--undo", help="Print what takes it back; with --run delete the directory as well.")
]


def azure_cli(run: Run = False, undo: Undo = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Print a bash script that points `az` at this router; read it with `source <(router azure-cli)`.

    Your own login is not touched: the router's is in a directory of its own, which AZURE_CONFIG_DIR names. Needs
    `router up --tls-port N`.
    """
    home = (data_dir / CONFIG_FOLDER).absolute()
    if undo:
        _undo(home, run=run)
        return
    credentials = _credentials(data_dir)
    # One for each address: az keeps what it learnt of a cloud.
    folder = home / str(urlsplit(str(credentials.tls_server)).netloc).replace(":", "-")
    exports = _exports(credentials, folder)
    commands = [
        ["az", "cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", str(credentials.tls_server)],
        ["az", "cloud", "set", "--name", CLOUD],
        ["az", "login", "--identity", "--output", "none"],
    ]
    if run:
        _run(exports, commands, folder)
        output.remark(f"az is signed in, in {folder}. In each shell: source <(router azure-cli)")
    else:
        output.print_lines(_script(exports, commands))


def _credentials(data_dir: Path) -> "Credentials":
    from router.credentials import read_credentials  # noqa: PLC0415 (pydantic is heavy)

    credentials = read_credentials(data_dir)
    if credentials is None:
        raise NotFoundError(
            f"no credentials.json in {data_dir}: no router was started there",
            hint=f"Start one: router up --tls-port 8443 --data-dir {data_dir}",
        )
    if credentials.tls_server is None or credentials.ca_file is None:
        raise SettingsError(
            "this router does not speak TLS, which az insists on", hint="Start it with --tls-port, such as 8443."
        )
    return credentials


def _exports(credentials: "Credentials", folder: Path) -> dict[str, str]:
    values = (
        str(folder),
        "false",
        "false",
        str(credentials.ca_file),
        credentials.identity.endpoint,
        credentials.identity.header,
    )
    return dict(zip(VARIABLES, values, strict=True))


def _script(exports: dict[str, str], commands: list[list[str]]) -> list[str]:
    """Return a script that may be read as often as one likes: what is there already is not made again."""
    register, choose, login = (shlex.join(command) for command in commands)
    return [
        "# Points az at this router. Your own login stays as it is. Undo: source <(router azure-cli --undo)",
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        'router_no_proxy="${no_proxy:-${NO_PROXY:-}}"',
        f'export no_proxy="{LOOPBACK},${{router_no_proxy#{LOOPBACK},}}"',
        f"az cloud show --name {CLOUD} --output none 2>/dev/null || {register}",
        f"{choose} 2>/dev/null",
        login,
    ]


def _run(exports: dict[str, str], commands: list[list[str]], folder: Path) -> None:
    """Run the commands in a directory that is made anew.

    Raises:
        NotFoundError: there is no `az`.
        RouterError: one of them fails.
    """
    az = shutil.which("az")
    if az is None:
        raise NotFoundError("there is no az on the PATH", hint="Install it: pip install azure-cli")
    shutil.rmtree(folder, ignore_errors=True)
    for command in commands:
        done = subprocess.run(  # noqa: S603 (our own words, no shell)
            [az, *command[1:]],
            env={**os.environ, **exports, "no_proxy": LOOPBACK},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RouterError(f"{shlex.join(command)} failed: {done.stderr.strip()[-500:]}")


def _undo(folder: Path, *, run: bool) -> None:
    if run:
        shutil.rmtree(folder, ignore_errors=True)
        output.remark(f"{folder} is gone. In shells that have read the script: unset {' '.join(VARIABLES)}")
    else:
        output.print_lines(
            [
                f"rm -rf {shlex.quote(str(folder))}",
                f"unset router_no_proxy {' '.join(VARIABLES)}",
                f'export no_proxy="${{no_proxy#{LOOPBACK},}}"',
            ]
        )
