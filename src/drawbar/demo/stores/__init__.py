"""Ship's stores, 1987: spare parts in fixed-width records, asked through a command-line program.

A legacy system of the demo. It uses the standard library only. `python -m drawbar.demo.stores make
stores.dat` writes the stock file; the program itself reads it from the variable STORES_FILE.
"""
