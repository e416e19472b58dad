"""Plans carried out in a session: readings, business operations, calls, pages. The same for every database."""
