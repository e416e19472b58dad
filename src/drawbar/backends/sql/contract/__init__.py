"""What every database has to do for Drawbar, as checks that a user can run against their own."""
