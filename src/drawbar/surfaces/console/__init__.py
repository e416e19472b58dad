"""The chat page at /console: our own HTML, CSS and ES modules over the Assistants API of the same origin."""

from drawbar.surfaces.console.routes import console_routes

__all__ = ["console_routes"]
