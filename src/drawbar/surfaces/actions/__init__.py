"""Functions for clients that call HTTP by themselves: an OpenAPI document for Actions, and a plugin manifest."""
