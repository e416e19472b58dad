"""Booking office, 1998: customers, sailings, bookings and invoices of the ferry company, in a SQL database.

A legacy system of the demo. It uses the standard library only (and psycopg where a PostgreSQL URL is
given): `python -m drawbar.demo.bookings --file bookings.db`.
"""
