"""Programs on this machine that never learned HTTP: arguments and a record in, a record out."""

from drawbar.backends.command.compile import KIND

__all__ = ["KIND"]
