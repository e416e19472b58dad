"""What each database needs to be reached, read, changed and stopped. Drivers are imported when they are used."""
