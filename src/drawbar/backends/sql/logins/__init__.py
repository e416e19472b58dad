"""What a login of a database may do beyond what its adapter needs."""
