"""Bytes to values and back, for any transport; nothing here touches a network, a file or a clock."""
