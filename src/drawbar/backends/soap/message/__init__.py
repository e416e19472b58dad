"""Envelopes: written from arguments, read into values, checked against the contract."""
