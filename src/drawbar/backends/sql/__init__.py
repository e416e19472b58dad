"""The kind `sql`: readings and business operations on SQLite and PostgreSQL."""

from drawbar.backends.sql.kind import KIND

__all__ = ["KIND"]
