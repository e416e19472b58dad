"""How an API is reached: addresses, connections, who calls, and what became of a call that failed."""
