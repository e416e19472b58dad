"""From the words of a SQL adapter to plans: offline, each problem at its place."""
