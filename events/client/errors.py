"""What can go wrong for a client."""


class PublishError(RuntimeError):
    """The event was not published: the message says why, in one line and without the password."""
