"""Systems behind a socket that never learned HTTP: one message there, one message back."""

from drawbar.backends.tcp.compile import KIND

__all__ = ["KIND"]
