"""The command line ``sb3-mimic``: one module a subcommand."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence

# Errors of the system for a place where nothing can be written.
_UNWRITABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
)
# Errors of the system that come while something is written and name no file.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The command line without the program's name; None takes the process's.

    Returns:
        The exit status: 0, 1 after a failure, 2 for bad input, 130 after an interrupt.
    """
    from sb3_mimic import InputError, __version__

    asked = sys.argv[1:] if arguments is None else list(arguments)
    if asked == ["--version"]:  # no field of a subcommand, which is all that the parser knows
        print(f"sb3-mimic {__version__}")
        return 0
    if threading.current_thread() is threading.main_thread():
        # As Docker and schedulers end a job: what Ctrl-C saves is saved then, too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(asked)
    except InputError as error:
        print(f"sb3-mimic: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sb3-mimic: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone. The rest goes nowhere, so that the
        # interpreter does not fail on it when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _report_unwritable(error)


def _run(arguments: list[str]) -> int:
    """Parses a command line, checks what all commands share, and runs the command."""
    from sb3_mimic import InputError
    from sb3_mimic.cli.doctor import Doctor
    from sb3_mimic.cli.parser import parse

    command = parse(arguments)
    seed = getattr(command, "seed", 0)
    if seed < 0:
        raise InputError(f"--seed must not be negative, got {seed}")
    # Chosen by hand, it may fail to load; the doctor says so itself, among other things.
    if os.environ.get("MUJOCO_GL") and not isinstance(command, Doctor):
        from sb3_mimic.envs.core.opengl import check_backend

        check_backend()
    return command.run()


def _report_unwritable(error: OSError) -> int:
    """Prints an error of the system about writing, as a sentence; raises any other."""
    if error.errno in _NO_SPACE:
        print(f"sb3-mimic: nothing more can be written ({error.strerror})", file=sys.stderr)
        return 1
    if error.errno not in _UNWRITABLE or error.filename is None:
        raise error
    print(f"sb3-mimic: {error.filename}: cannot be written ({error.strerror})", file=sys.stderr)
    return 2
