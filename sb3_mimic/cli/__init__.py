"""The command line ``sb3-mimic``: one module a subcommand."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The command line without the program's name; None takes the process's.

    Returns:
        The exit status: 0, 1 after a failure, 2 for bad input, 130 after an interrupt.
    """
    from sb3_mimic.cli.parser import parse
    from sb3_mimic.errors import InputError

    try:
        return parse(sys.argv[1:] if arguments is None else list(arguments)).run()
    except InputError as error:
        print(f"sb3-mimic: {error}", file=sys.stderr)
        return 2
