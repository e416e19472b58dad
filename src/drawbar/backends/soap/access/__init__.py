"""How a service is reached, and how it learns who calls."""
