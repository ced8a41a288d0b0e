"""The one error that says the input, not the program, is wrong."""


class InputError(ValueError):
    """Bad input from the user: a file, a name or a number that cannot be used.

    The message is one sentence that names the file or option, the value found and what would be
    right. The command line prints it as it is and exits with status 2.
    """
