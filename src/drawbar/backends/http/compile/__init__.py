"""From the words of an adapter to bindings: offline, each problem at its place."""
