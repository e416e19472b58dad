"""Applications with green screens of 24 rows, reached by TN3270."""

from drawbar.backends.tn3270.compile import KIND

__all__ = ["KIND"]
