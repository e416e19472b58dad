"""Free queries: what a model may write itself, and the walls around it."""
