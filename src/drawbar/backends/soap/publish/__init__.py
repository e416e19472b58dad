"""From the shape of an input to the JSON Schema that a model reads."""
