"""What a live database tells of itself: its tables, its routines, the types of a statement."""
