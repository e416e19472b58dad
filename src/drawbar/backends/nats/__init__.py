"""Services that answer requests on NATS subjects."""

from drawbar.backends.nats.compile import KIND

__all__ = ["KIND"]
