"""What is sent: where each argument goes, how it is written, and how the next page is asked for."""
