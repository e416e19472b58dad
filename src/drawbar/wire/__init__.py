"""Transport that several kinds share."""
