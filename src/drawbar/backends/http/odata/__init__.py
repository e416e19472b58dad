"""OData v2 and v4: requests made by a service's own metadata, with each value written as its type wants it."""
