"""The other path: zeep writes and reads what the plans do not cover."""
