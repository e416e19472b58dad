"""Servers of the Model Context Protocol: their declared tools, and nothing else of theirs."""

from __future__ import annotations

from drawbar.backends.mcp.compile import KIND

__all__ = ["KIND"]
