"""Programs on other machines, reached by SSH."""

from drawbar.backends.ssh.compile import KIND

__all__ = ["KIND"]
