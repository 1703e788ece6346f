"""What can be built for: the table, its check, and which board a machine is."""
