"""What came back: read into values, drained page by page, cut with a word about it."""
