"""HTTP APIs inside the private network."""

from drawbar.backends.http.compile import KIND

__all__ = ["KIND"]
