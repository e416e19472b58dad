"""Functions of Python modules that the deployment allows, in processes of their own."""

from drawbar.backends.python.compile import KIND

__all__ = ["KIND"]
