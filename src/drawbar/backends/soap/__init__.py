"""The `soap` kind: SOAP 1.1 and 1.2 services described by a WSDL 1.1 contract beside the adapter."""

from drawbar.backends.soap.backend import KIND

__all__ = ["KIND"]
