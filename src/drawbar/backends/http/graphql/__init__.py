"""GraphQL: documents that an author wrote, checked against the schema beside the adapter. Models write none."""
