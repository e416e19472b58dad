"""From a live database to a first version of an adapter."""
