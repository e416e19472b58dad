"""OpenAPI 2.0, 3.0 and 3.1: documents read offline, schemas as models read them, requests as servers want them."""
