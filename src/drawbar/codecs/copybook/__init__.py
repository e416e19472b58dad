"""COBOL copybooks: from their source to the layout of a record, and to a JSON schema."""
