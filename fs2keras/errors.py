"""Errors whose message is the whole story: the command line prints it and exits with the class's code."""


class UserError(Exception):
    """Something the user can put right: the message says where, what was expected, and the next command."""

    exit_code = 1


class CallError(UserError):
    """A wrong command, option or recipe."""

    exit_code = 2


class NoSuchRun(UserError):  # noqa: N818
    """No run directory under that name or path."""

    exit_code = 3


class NotFinite(UserError):  # noqa: N818
    """A loss or weight became NaN or infinite."""

    exit_code = 4
