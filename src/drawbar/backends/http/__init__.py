"""HTTP APIs inside the private network."""

from drawbar.backends.http.kind import KIND

__all__ = ["KIND"]
