"""Directories that speak LDAP: searches, and where declared changes of entries."""

from drawbar.backends.ldap.compile import KIND

__all__ = ["KIND"]
