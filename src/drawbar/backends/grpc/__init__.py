"""gRPC services, described by the descriptors that their own compiler wrote."""

from drawbar.backends.grpc.compile import KIND

__all__ = ["KIND"]
