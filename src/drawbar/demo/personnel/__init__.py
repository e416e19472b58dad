"""Crew office, 2004: personnel and leave of an invented ferry company, over SOAP 1.1.

A legacy system of the demo. It knows nothing of the rest of this package and uses the standard
library and lxml only: `python -m drawbar.demo.personnel --port 8401`.
"""
