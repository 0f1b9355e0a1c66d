"""The one error that is meant for the user."""


class ExportError(Exception):
    """Something about the user's model, files or flags.

    The message is whole sentences: what came, what was expected, what to do. The command line prints it without a
    traceback and exits with 2; any other exception is a fault of this package and keeps its traceback.
    """
