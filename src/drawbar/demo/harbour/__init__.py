"""Harbour desk, 2015: vessels, today's departures, sea state and defects, as a JSON API with a key.

A legacy system of the demo. It uses the standard library only:
`python -m drawbar.demo.harbour --port 8402`.
"""
